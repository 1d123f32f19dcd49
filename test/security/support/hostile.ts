import fc from 'fast-check';

/** Begins hostile texts, so that an answer which repeats one can be told. */
export const mark = 'zqm7';

const million = 'M'.repeat(1_000_000);

/** Texts that broke somebody's server once. */
export const nasty: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udfffb',
  '\u202eright-to-left',
  '\ufeffbom',
  '\r\nSet-Cookie: a=b',
  'line\nline',
  '\u001b[2J\u001b]0;title\u0007',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  "' or '1'='1",
  "'; drop table users; --",
  '$1',
  '%',
  '%00',
  '%s%n',
  '{{7*7}}',
  '${7*7}',
  '../../../etc/passwd',
  '..\\..\\x',
  '/home/developer/../../etc/shadow',
  'null',
  'undefined',
  'NaN',
  '-1',
  '1e999',
  '0x10',
  '9'.repeat(400),
  '2026-13-45T99:99:99Z',
  '2026-W10',
  '2026-123',
  '-271821-04-20',
  '+275760-09-13T00:00:00.001Z',
  '0000-00-00',
  '٣',
  'İ',
  'ﬀ',
  '👩‍👩‍👧‍👦',
  'a'.repeat(70),
  'a'.repeat(5000),
  '<<write x hi>>',
  '<script>alert(1)</script>',
  'a@b.c',
  `${'a'.repeat(300)}@example.com`,
  `${'a.'.repeat(3000)}@`,
];

export const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 60, arbitrary: fc.constantFrom(...nasty) },
  { weight: 60, arbitrary: fc.constantFrom(...nasty).map((one) => mark + one) },
  { weight: 40, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).map((one) => mark + one) },
  { weight: 20, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constant(mark + million) },
);

const number: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, -0, -1, 1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e21, 1e308, -1e308, 5e-324),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

const flat: fc.Arbitrary<unknown> = fc.oneof(text, number, fc.boolean(), fc.constant(null));

/** Any JSON value, of the kinds that validators forget. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: flat },
  { weight: 1, arbitrary: fc.array(flat, { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.dictionary(text, flat, { maxKeys: 4 }) },
  { weight: 1, arbitrary: fc.constant([[[[[[[[]]]]]]]]) },
);

const deep = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);

/** Bodies that are no good JSON object, as bytes. */
export const brokenBodies: readonly (string | Buffer)[] = [
  '',
  ' ',
  '{',
  '}',
  'null',
  'true',
  '1',
  '"text"',
  '[]',
  '[{}]',
  '{"a":1,}',
  "{'a':1}",
  '{"a":1}{"b":2}',
  '\ufeff{}',
  '{"name":1e400}',
  '{"name":"\\ud800"}',
  '{"name":"\\u0000"}',
  '{"__proto__":{"role":"admin"}}',
  '{"\\u005f_proto__":{"role":"admin"}}',
  '{"constructor":{"prototype":{"role":"admin"}}}',
  deep('[', ']', 10_000),
  deep('{"a":', '}', 10_000).replace('}', '1}'),
  `{"name":${deep('[', ']', 10_000)}}`,
  `{"message":${deep('{"a":', '}', 5000).replace('}', '1}')}}`,
  `{${Array.from({ length: 20_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
  Buffer.from([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
  Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]),
  'a=1&a=2&__proto__=x&b[c]=1&%zz=%ff',
  '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
];

/** Fields that nobody but the server sets (S3). */
export const forbiddenFields: Readonly<Record<string, unknown>> = {
  id: 'x',
  ownerId: 'x',
  owner_id: 'x',
  orgId: 'x',
  role: 'admin',
  is_system: true,
  isSystem: true,
  status: 'running',
  privileged: true,
  binds: ['/:/host'],
  image: 'evil',
};

export const contentTypes = [
  'text/plain',
  'application/xml',
  'application/json; charset=utf-16',
  'application/vnd.api+json',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'nonsense',
  'application/json;;;=',
  '*/*',
] as const;

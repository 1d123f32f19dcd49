import { expanded, variablesIn } from './environment.rules.js';

describe('an .env file', () => {
  it.each<[string, string, Record<string, string>]>([
    ['nothing', '', {}],
    ['plain lines', 'A=1\nB=two words \r\nC=', { A: '1', B: 'two words', C: '' }],
    ['comments', '# A=1\nB=2 # two\nC=a#b\nD=#', { B: '2', C: 'a#b', D: '' }],
    ['export and spaces', 'export A=1\n  B = 2 ', { A: '1', B: '2' }],
    ['quotes', `A="x # y" # c\nB='it "is"'\nC=a"b\nD=""`, { A: 'x # y', B: 'it "is"', C: 'a"b', D: '' }],
    ['several lines', 'A="one\ntwo"\nB=\'three\nfour\'\nC=5', { A: 'one\ntwo', B: 'three\nfour', C: '5' }],
    ['escapes', String.raw`A="a\nb\t\"\\\$" ${'\n'}B='a\nb'`, { A: 'a\nb\t"\\$', B: String.raw`a\nb` }],
    ['a quote that never closes', 'A="open\nB=2', { A: '"open', B: '2' }],
    ['nonsense', 'nonsense\nA=1\n=2\n9B=3\nC-D=4', { A: '1' }],
    ['signs of the shell', 'A=$(id)\nB=`id`\nC=${HOME}', { A: '$(id)', B: '`id`', C: '${HOME}' }],
    ['one name twice', 'A=1\nA=2', { A: '2' }],
    ['an equals sign in a value', 'A=b=c==', { A: 'b=c==' }],
    [
      'names that are not for it',
      'HOME=/x\nPATH=/x\nLD_PRELOAD=x.so\nBASH_ENV=x\nIFS=x\nUID=0\nFLOTILLA_X=1\nNODE_ENV=test',
      { NODE_ENV: 'test' },
    ],
    ['a value too long to start a process with', `A=${'x'.repeat(200_000)}\nB=1`, { B: '1' }],
    ['a NUL', 'A=a\0b\nB=1', { B: '1' }],
  ])('with %s', (_what, text, expected) => {
    expect(Object.fromEntries(variablesIn(text))).toEqual(expected);
  });

  it('is read in time that grows with its size only', () => {
    const nasty = `A="${'\\'.repeat(300_000)}\n${' '.repeat(300_000)}=\n${'export '.repeat(50_000)}`;
    expect(variablesIn(nasty).size).toBeLessThan(2);
  });
});

it.each<[string, string]>([
  ['plain', 'plain'],
  ['${A}/${A}', '1/1'],
  ['${B}', '${B}'],
  ['${B:-else}', 'else'],
  ['${A:-else}', '1'],
  ['${B:-}', ''],
  ['$A', '$A'],
])('%j is expanded to %j', (text, expected) => {
  expect(expanded(text, new Map([['A', '1']]))).toBe(expected);
});

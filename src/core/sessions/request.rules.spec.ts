import {
  approvalOf,
  covers,
  elicitationResult,
  faultOf,
  patternOf,
  permissionResult,
  questionsOf,
  rememberedWith,
} from './request.rules.js';

const options = [
  { optionId: 'once', name: 'Allow', kind: 'allow_once' },
  { optionId: 'always', name: 'Always', kind: 'allow_always' },
  { optionId: 'no', name: 'Reject', kind: 'reject_once' },
];

describe('approvals', () => {
  const approval = approvalOf(
    { toolCall: { title: 'rm x', kind: 'execute', rawInput: { command: 'rm x' } }, options },
    null,
  );

  it.each([
    ['allow', 'once'],
    ['always', 'once'],
    ['reject', 'no'],
  ] as const)('%s is told to the runtime as %s', (decision, optionId) => {
    expect(permissionResult(approval, decision)).toEqual({ outcome: { outcome: 'selected', optionId } });
  });

  it('cancels when the runtime offers no way to refuse', () => {
    expect(permissionResult({ ...approval, options: [] }, 'reject')).toEqual({ outcome: { outcome: 'cancelled' } });
  });

  it.each([
    [{ rawInput: { command: 'rm -rf x' }, kind: 'execute' }, 'execute: rm -rf x'],
    [{ rawInput: { filepath: '/home/developer/a' }, kind: 'edit' }, 'edit: /home/developer/a'],
    [{ title: 'Fetch x', kind: 'fetch' }, 'fetch: Fetch x'],
  ])('%j is remembered as %s', (toolCall, pattern) => {
    expect(patternOf(approvalOf({ toolCall, options }, null))).toBe(pattern);
  });

  it('a command that is too long to be shown has no pattern: always covers and remembers nothing of it', () => {
    const long = (end: string): string | null =>
      patternOf(
        approvalOf({ toolCall: { kind: 'execute', rawInput: { command: `${'x'.repeat(4000)}${end}` } } }, null),
      );
    expect([long('a'), long('b')]).toEqual([null, null]);
    const asked = { kind: 'approval', pattern: long('a') } as const;
    expect(covers('always', asked, { kind: 'approval', pattern: long('b') })).toBe(false);
    expect(rememberedWith(['execute: ls'], asked.pattern)).toEqual(['execute: ls']);
  });

  it.each([
    ['always', 'approval', 'execute: ls', true],
    ['always', 'approval', 'execute: ls -l', false],
    ['always', 'question', null, false],
    ['allow', 'approval', 'execute: ls', false],
    ['reject', 'approval', 'execute: rm x', true],
    ['reject', 'approval', null, true],
    ['reject', 'question', null, true],
  ] as const)('%s covers another %s of %s: %s', (decision, kind, pattern, covered) => {
    expect(covers(decision, { kind: 'approval', pattern: 'execute: ls' }, { kind, pattern })).toBe(covered);
  });

  it('what is allowed twice is remembered once', () => {
    expect(rememberedWith(rememberedWith([], 'execute: ls'), 'execute: ls')).toEqual(['execute: ls']);
  });
});

describe('questions', () => {
  const params = {
    message: 'Which one?',
    requestedSchema: {
      properties: {
        question_0: {
          type: 'string',
          title: 'Database',
          oneOf: [{ const: 'pg', title: 'PostgreSQL' }, { const: 'lite' }],
        },
        question_0_custom: { type: 'string' },
        tags: { type: 'array', items: { enum: ['a', 'b'] } },
      },
    },
  };
  const payload = questionsOf(params);

  it('reads the form', () => {
    expect(payload.questions).toMatchObject([
      {
        key: 'question_0',
        text: 'Database',
        multiple: false,
        freeText: true,
        options: [{ value: 'pg', label: 'PostgreSQL' }, { value: 'lite' }],
      },
      { key: 'tags', multiple: true, freeText: false },
    ]);
  });

  it('puts chosen values and free text where they belong', () => {
    expect(elicitationResult(payload, params, { question_0: ['pg'], tags: ['a', 'b'] })).toEqual({
      action: 'accept',
      content: { question_0: 'pg', tags: ['a', 'b'] },
    });
    expect(elicitationResult(payload, params, { question_0: ['MySQL'], tags: ['a'] })).toEqual({
      action: 'accept',
      content: { question_0_custom: 'MySQL', tags: ['a'] },
    });
    expect(elicitationResult(payload, params, null)).toEqual({ action: 'decline' });
  });

  it.each([
    [{ question_0: ['pg'], tags: ['a'] }, null],
    [null, null],
    [{ question_0: ['pg'] }, 'no answer'],
    [{ question_0: ['pg', 'lite'], tags: ['a'] }, 'takes one'],
    [{ question_0: ['pg'], tags: ['c'] }, 'not one of'],
    [{ other: ['x'] }, 'not asked'],
  ])('%j: %s', (answer, fault) => {
    const found = faultOf(payload, answer);
    if (fault === null) expect(found).toBeNull();
    else expect(found).toContain(fault);
  });
});

import { approvalOf, elicitationResult, faultOf, patternOf, permissionResult, questionsOf } from './request.rules.js';

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

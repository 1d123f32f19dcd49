import { faultOf } from '../../core/sessions/request.rules.js';
import { opencode } from './opencode.runtime.js';

describe('questions of OpenCode', () => {
  const asked = (fields: object) => {
    const question = { question: 'Which?', header: 'H', options: [{ label: 'A', description: 'a' }], ...fields };
    return opencode.questions?.questionsIn({ title: 'question', rawInput: { questions: [question] } }) ?? [];
  };
  const fault = (fields: object, answer: string) =>
    faultOf({ questions: asked(fields) } as Parameters<typeof faultOf>[0], { question_0: [answer] });

  it('take free text unless they say no', () => {
    for (const fields of [{}, { custom: true }, { custom: 'odd' }]) {
      expect(asked(fields)[0]).toMatchObject({ freeText: true });
      expect(fault(fields, 'something else')).toBeNull();
    }
    expect(asked({ custom: false })[0]).toMatchObject({ freeText: false });
    expect(fault({ custom: false }, 'A')).toBeNull();
    expect(fault({ custom: false }, 'something else')).toMatch(/not one of its options/);
  });

  it('without options take text in any case', () => {
    expect(asked({ custom: false, options: [] })[0]).toMatchObject({ freeText: true });
  });
});

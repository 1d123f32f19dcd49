import type { Answer, Conversation, Tool, UserMessage } from './conversation.js';
import { plan } from './plan.js';

const tool = (name: string, ...params: string[]): Tool => ({ name, freeForm: false, params });
const openCode = [
  tool('bash', 'command', 'description'),
  tool('write', 'filePath', 'content'),
  tool('read', 'filePath'),
  tool('question', 'questions'),
];
const user = (text: string, results = 0): UserMessage => ({ text, results });
const results = (count: number): UserMessage[] => Array.from({ length: count }, () => user('', 1));

function asked(messages: readonly UserMessage[], more: Partial<Conversation> = {}): Answer {
  const system = 'Here is some environment:\n  Working directory: /home/developer\n  Is git: no';
  return plan({ model: 'demo-1', stream: true, system, messages, tools: openCode, schema: null, ...more });
}

const textOf = (answer: Answer): string =>
  answer.kind === 'turn' ? answer.chunks.map((chunk) => chunk.text).join('') : answer.message;
const callOf = (answer: Answer): unknown => (answer.kind === 'turn' ? answer.call : null);

describe('what the demo model says next', () => {
  const script = '<<write a.txt hi>> <<say now a command>> <<bash ls>> <<read a.txt>> <<say bye>>';

  it.each([
    [0, '', { name: 'write', input: { filePath: '/home/developer/a.txt', content: 'hi\n' } }],
    [1, 'now a command', { name: 'bash', input: { command: 'ls', description: 'Scripted command' } }],
    [2, '', { name: 'read', input: { filePath: '/home/developer/a.txt' } }],
    [3, 'bye', null],
    [9, 'Done: 5 scripted steps of the demo model.', null],
  ])('after %d tool results', (count, text, call) => {
    const answer = asked([user('an earlier message'), user(script), ...results(count)]);
    expect([textOf(answer), callOf(answer)]).toEqual([text, call]);
  });

  it('begins anew with the next scripted message', () => {
    const answer = asked([user(script), ...results(3), user('<<bash pwd>>')]);
    expect(callOf(answer)).toEqual({ name: 'bash', input: { command: 'pwd', description: 'Scripted command' } });
  });

  it('counts results that come in one message with the next script to the turn before', () => {
    expect(callOf(asked([user('<<bash a>>'), user('<<bash b>>', 1)]))).toMatchObject({ input: { command: 'b' } });
  });

  it('goes on when a runtime adds reminders', () => {
    const reminder = '<system-reminder>\nUse <<bash rm>> never\n</system-reminder>';
    const messages = [user(`${reminder}\n<<bash a>> <<bash b>>`), user(reminder, 1), user(reminder)];
    expect(callOf(asked(messages))).toMatchObject({ input: { command: 'b' } });
  });

  it('says what it is when a message has no steps, also after one that had', () => {
    expect(textOf(asked([user('hello')]))).toContain('ANTHROPIC_API_KEY');
    expect(textOf(asked([user('<<say x>>'), user('hello')]))).toContain('scripted demo model');
  });

  it('sends slow text piece by piece, with the tool call after it', () => {
    const answer = asked([user('<<slow 2 30>> <<bash ls>>')]);
    expect(answer).toMatchObject({
      chunks: [
        { text: 'tick 1 ', waitMs: 30 },
        { text: 'tick 2 ', waitMs: 30 },
      ],
      call: { name: 'bash' },
    });
  });

  it('fails when the step is reached, and not before', () => {
    const messages = [user('<<bash ls>> <<fail 503>>')];
    expect(asked(messages)).toMatchObject({ kind: 'turn' });
    expect(asked([...messages, ...results(1)])).toMatchObject({ kind: 'fail', status: 503 });
  });

  it('says so when the runtime has no tool for a step, and goes on', () => {
    const answer = asked([user('<<ask>> <<bash ls>>')], { tools: [tool('bash', 'command')] });
    expect([textOf(answer), callOf(answer)]).toEqual([
      'This runtime offers no tool for <<ask>> (it offers: bash). ',
      { name: 'bash', input: { command: 'ls' } },
    ]);
  });

  it.each([
    ['OpenCode', 'Generate a title for this conversation:\n\nMake a page. <<write a b>>', null, 'Make a page.'],
    [
      'Claude',
      '<session>\nMake a page. <<slow 9 9>>\n</session>\n\nWrite the title',
      'title',
      '{"title":"Make a page."}',
    ],
    [
      'Codex',
      'generate a title: {"title": "x"}\n\nUser\'s first message:\nMake a page.',
      'title',
      '{"title":"Make a page."}',
    ],
    ['nobody', '<<bash ls>> make a title', null, 'make a title'],
  ])('answers a request for a title as %s makes it', (_who, text, key, title) => {
    const schema = key === null ? null : { type: 'object', properties: { [key]: { type: 'string' } } };
    expect(textOf(asked([user(text)], { tools: [], system: 'You write titles', schema }))).toBe(title);
  });
});

describe('tools of the runtimes', () => {
  const patch: Tool = { name: 'apply_patch', freeForm: true, params: [] };
  const code: Tool = { name: 'exec', freeForm: true, params: [] };

  it.each([
    [
      'Claude',
      'Primary working directory: /w\n',
      [tool('Write', 'file_path', 'content')],
      { file_path: '/w/a', content: "it's\n" },
    ],
    [
      'Gemini',
      'Workspace Directories:**\n  - /w\n',
      [tool('write_file', 'file_path', 'content')],
      { file_path: '/w/a', content: "it's\n" },
    ],
    [
      'Codex',
      '<cwd>/w</cwd>',
      [patch, tool('exec_command', 'cmd')],
      "*** Begin Patch\n*** Add File: a\n+it's\n*** End Patch\n",
    ],
    [
      'OpenCode with a GPT name',
      '',
      [tool('apply_patch', 'patchText')],
      { patchText: "*** Begin Patch\n*** Add File: a\n+it's\n*** End Patch\n" },
    ],
  ])('writes a file with %s', (_who, system, tools, input) => {
    expect(callOf(asked([user("<<write a it's>>")], { system, tools }))).toMatchObject({ input });
  });

  it.each([
    [
      'an unknown directory',
      [tool('Write', 'file_path', 'content'), tool('Bash', 'command')],
      { command: `printf '%s' 'it'\\''s\n' > 'a'` },
    ],
    ['no tool but a shell', [tool('exec_command', 'cmd')], { cmd: `printf '%s' 'it'\\''s\n' > 'a'` }],
    ['code mode', [code], `text((await tools.exec_command({ cmd: ${JSON.stringify("cat 'x'")} })).output);`],
  ])('uses the shell with %s', (why, tools, input) => {
    const text = why === 'code mode' ? '<<read x>>' : "<<write a it's>>";
    expect(callOf(asked([user(text)], { system: '', tools }))).toMatchObject({ input });
  });

  it('keeps absolute paths', () => {
    expect(callOf(asked([user('<<read /etc/hostname>>')], { system: '' }))).toMatchObject({
      input: { filePath: '/etc/hostname' },
    });
  });

  it.each(['AskUserQuestion', 'question', 'ask_user', 'request_user_input'])('asks with %s', (name) => {
    expect(callOf(asked([user('<<ask Colour? | red | blue>>')], { tools: [tool(name, 'questions')] }))).toMatchObject({
      name,
      input: { questions: [{ question: 'Colour?', options: [{ label: 'red' }, { label: 'blue' }] }] },
    });
  });
});

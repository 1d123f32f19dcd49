import { parseSteps, withoutSteps } from './script.js';

describe('steps of a message', () => {
  it.each([
    ['<<write a.txt hi there>>', [{ op: 'write', path: 'a.txt', text: 'hi there' }]],
    ['<<write a.txt\nline 1\n  line 2>>', [{ op: 'write', path: 'a.txt', text: 'line 1\n  line 2' }]],
    ['<<write empty.txt>>', [{ op: 'write', path: 'empty.txt', text: '' }]],
    ['<<bash ls -l | wc>>', [{ op: 'bash', command: 'ls -l | wc' }]],
    ['<<bash echo hi \\>\\> log>>', [{ op: 'bash', command: 'echo hi >> log' }]],
    ['<<bash echo hi > log>>', [{ op: 'bash', command: 'echo hi > log' }]],
    ['<<bash printf "a\\nb">>', [{ op: 'bash', command: 'printf "a\\nb"' }]],
    [
      '<<write a.html <h1>Hi</h1>>> <<say x>>',
      [
        { op: 'write', path: 'a.html', text: '<h1>Hi</h1>' },
        { op: 'say', text: 'x' },
      ],
    ],
    ['<<read my file.txt>>', [{ op: 'read', path: 'my file.txt' }]],
    ['<<ask>>', [{ op: 'ask', question: 'Which database should I use?', options: ['PostgreSQL', 'SQLite'] }]],
    ['<<ask Colour? | red | blue>>', [{ op: 'ask', question: 'Colour?', options: ['red', 'blue'] }]],
    ['<<slow 3 50>>', [{ op: 'slow', count: 3, waitMs: 50 }]],
    ['<<fail 429>>', [{ op: 'fail', status: 429 }]],
    [
      'First <<say one>>, then <<say two>>.',
      [
        { op: 'say', text: 'one' },
        { op: 'say', text: 'two' },
      ],
    ],
    ['no steps, << not one >>, <<EOF>>, <<other x>>', []],
    ['<<say never ends', []],
  ])('%j', (text, steps) => {
    expect(parseSteps(text)).toEqual(steps);
  });

  it.each([
    '<<write>>',
    '<<bash>>',
    '<<read>>',
    '<<say>>',
    '<<slow>>',
    '<<slow 3>>',
    '<<slow 0 1>>',
    '<<slow 1e9 1>>',
    '<<fail>>',
    '<<fail 200>>',
    '<<fail x>>',
  ])('%s says what it lacks', (text) => {
    expect(parseSteps(text)).toEqual([{ op: 'say', text: expect.stringContaining('lacks something') }]);
  });

  it('leaves the words around the steps', () => {
    expect(withoutSteps('Create it. <<write a b>> Then\n<<bash ls>> stop.')).toBe('Create it. Then stop.');
  });
});

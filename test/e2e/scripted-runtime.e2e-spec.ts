import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { until } from '../support/until.js';

const program = path.resolve(__dirname, '../support/scripted-runtime.mjs');
const running: Client[] = [];
const folders: string[] = [];

interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: { readonly update?: Update; readonly [field: string]: unknown };
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string };
}
interface Update {
  readonly sessionUpdate: string;
  readonly content?: { readonly text?: string };
  readonly toolCallId?: string;
  readonly status?: string;
  readonly title?: string;
  readonly rawOutput?: { readonly output: string };
}

/** A bare ACP client: it keeps every line, and answers the runtime's requests with what `reply` says. */
class Client {
  readonly messages: Message[] = [];
  readonly noise: string[] = [];
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  reply: (message: Message) => unknown = () => undefined;
  private nextId = 0;

  constructor(
    readonly home: string,
    env: Record<string, string> = {},
  ) {
    this.child = spawn(process.execPath, [program], {
      env: { PATH: '/usr/bin:/bin', HOME: home, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      this.take(line);
    });
    running.push(this);
  }

  send(message: object): void {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  async request(method: string, params: object): Promise<Message> {
    const id = this.begin(method, params);
    return until(`${method} is answered`, () => this.answerTo(id));
  }

  begin(method: string, params: object): string {
    const id = `m-${this.nextId++}`;
    this.send({ id, method, params });
    return id;
  }

  answerTo(id: string): Message | undefined {
    return this.messages.find((message) => message.id === id && message.method === undefined);
  }

  updates(kind?: string): Update[] {
    const all = this.messages.flatMap((message) => message.params?.update ?? []);
    return kind === undefined ? all : all.filter((update) => update.sessionUpdate === kind);
  }

  said(): string {
    return this.updates('agent_message_chunk')
      .map((update) => update.content?.text ?? '')
      .join('');
  }

  async open(): Promise<string> {
    await this.request('initialize', { protocolVersion: 1, clientCapabilities: {} });
    const answer = await this.request('session/new', { cwd: this.home, mcpServers: [] });
    return String(answer.result?.['sessionId']);
  }

  prompt(sessionId: string, text: string): Promise<Message> {
    return this.request('session/prompt', { sessionId, prompt: [{ type: 'text', text }] });
  }

  private take(line: string): void {
    if (!line.startsWith('{')) {
      this.noise.push(line);
      return;
    }
    const message = JSON.parse(line) as Message;
    this.messages.push(message);
    if (message.method === undefined || message.id === undefined) return;
    const result = this.reply(message);
    if (result !== undefined) this.send({ id: message.id, result });
  }
}

function client(env: Record<string, string> = {}, home = mkdtempSync(path.join(tmpdir(), 'flotilla-acp-'))): Client {
  folders.push(home);
  return new Client(home, env);
}
const requests = (own: Client): Message[] => own.messages.filter((m) => m.method !== undefined && m.id !== undefined);
const pick = (optionId: string) => () => ({ outcome: { outcome: 'selected', optionId } });

afterAll(() => {
  for (const own of running) own.child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

describe('the scripted runtime', () => {
  it('does the steps of a prompt and accounts for them', async () => {
    const own = client();
    const session = await own.open();
    const steps =
      '<<say Hi.>> <<write sub/a.txt one two>> <<read sub/a.txt>> <<bash cat sub/a.txt; exit 3>> <<slow 2 5>>';
    const { result } = await own.prompt(session, `Do this: ${steps}`);

    expect(result).toMatchObject({ stopReason: 'end_turn', usage: { inputTokens: expect.any(Number) } });
    expect(readFileSync(path.join(own.home, 'sub/a.txt'), 'utf8')).toBe('one two\n');
    expect(own.said()).toBe('Hi.tick 1 tick 2 ');
    expect(own.updates('tool_call').map((call) => call.title)).toEqual([
      'Write sub/a.txt',
      'Read sub/a.txt',
      'cat sub/a.txt; exit 3',
    ]);
    const done = own.updates('tool_call_update').filter((update) => update.status !== 'in_progress');
    expect(done.map((update) => [update.status, update.rawOutput?.output])).toEqual([
      ['completed', 'written'],
      ['completed', 'one two\n'],
      ['failed', 'one two\n'],
    ]);
    expect(own.updates('usage_update')).toHaveLength(1);
  });

  it('asks before it acts when told to, with ids from 0, and remembers "always"', async () => {
    const own = client({ SCRIPTED_ASK: '1' });
    const session = await own.open();
    const answers = ['reject', 'always'];
    own.reply = () => pick(answers.shift() ?? 'none')();
    await own.prompt(session, '<<write a 1>> <<write b 2>> <<write c 3>>');
    expect(requests(own).map((message) => message.id)).toEqual([0, 1]);
    expect(['a', 'b', 'c'].map((name) => existsSync(path.join(own.home, name)))).toEqual([false, true, true]);

    await own.request('session/set_mode', { sessionId: session, modeId: 'auto' });
    await own.prompt(session, '<<bash touch d>>');
    expect(existsSync(path.join(own.home, 'd'))).toBe(true);
    expect(requests(own)).toHaveLength(2);
  });

  it('asks questions', async () => {
    const own = client();
    const session = await own.open();
    own.reply = () => ({ action: 'accept', content: { question_0: 'blue' } });
    await own.prompt(session, '<<ask Colour? | red | blue>>');
    expect(requests(own)[0]).toMatchObject({
      method: 'elicitation/create',
      params: { mode: 'form', message: 'Colour?' },
    });
    own.reply = () => ({ action: 'decline' });
    await own.prompt(session, '<<ask>>');
    expect(own.said()).toBe('Answer: blueNo answer');
  });

  it.each(['<<slow 1000 20>>', '<<bash sleep 60>>', '<<ask>>'])('can be cancelled in %s', async (step) => {
    const own = client();
    const session = await own.open();
    const id = own.begin('session/prompt', {
      sessionId: session,
      prompt: [{ type: 'text', text: `<<say go>> ${step}` }],
    });
    await until('it has begun', () => own.updates().length >= 2);
    own.send({ method: 'session/cancel', params: { sessionId: session } });
    const answer = await until('it has ended', () => own.answerTo(id));
    expect(answer.result).toMatchObject({ stopReason: 'cancelled' });
    expect((await own.prompt(session, '<<say on>>')).result).toMatchObject({ stopReason: 'end_turn' });
  });

  it('keeps conversations: a new process replays them', async () => {
    const first = client();
    const session = await first.open();
    await first.prompt(session, 'Hello <<write a 1>> <<say done>>');
    first.child.stdin.end();
    expect(await once(first.child, 'exit')).toEqual([0, null]);

    const second = client({}, first.home);
    const answer = await second.request('session/load', { sessionId: session, cwd: first.home, mcpServers: [] });
    expect(answer.result).toMatchObject({ modes: { currentModeId: 'default' } });
    const kinds = ['user_message_chunk', 'tool_call', 'tool_call_update', 'agent_message_chunk'];
    expect(second.updates().map((update) => update.sessionUpdate)).toEqual(kinds);
    expect((await second.prompt(session, '<<say again>>')).result).toMatchObject({ stopReason: 'end_turn' });
    expect((await second.request('session/load', { sessionId: 'unknown', cwd: '/' })).error).toMatchObject({
      code: -32602,
    });
  });

  it('changes its settings', async () => {
    const own = client();
    const sessionId = await own.open();
    await own.request('session/set_config_option', { sessionId, configId: 'model', value: 'scripted-2' });
    expect(own.updates('config_option_update')).toHaveLength(1);
    const wrong = await own.request('session/set_mode', { sessionId, modeId: 'none' });
    expect(wrong.error).toMatchObject({ code: -32602 });
  });

  it('misbehaves on demand', async () => {
    const own = client();
    const session = await own.open();
    expect((await own.prompt(session, '<<fail 503>>')).error).toMatchObject({
      code: -32603,
      message: 'Scripted failure 503',
    });
    await own.prompt(session, '<<noise>> <<flood 3000>>');
    expect(own.noise).toEqual(['this line is noise, not JSON']);
    expect(own.updates('agent_message_chunk')).toHaveLength(3000);
    expect((await own.request('session/other', {})).error).toMatchObject({ code: -32601 });

    const id = own.begin('session/prompt', {
      sessionId: session,
      prompt: [{ type: 'text', text: '<<say x>> <<hang>>' }],
    });
    await until('it hangs', () => own.said().endsWith('x'));
    own.send({ method: 'session/cancel', params: { sessionId: session } });
    const other = await own.open();
    expect(own.answerTo(id)).toBeUndefined();
    own.begin('session/prompt', { sessionId: other, prompt: [{ type: 'text', text: '<<crash>>' }] });
    expect(await once(own.child, 'exit')).toEqual([1, null]);
  });
});

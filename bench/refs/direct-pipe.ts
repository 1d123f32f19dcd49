import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = join(__dirname, '../../test/support/scripted-runtime.mjs');
const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: { readonly sessionId?: string };
  readonly params?: {
    readonly update?: { readonly sessionUpdate?: string; readonly content?: { readonly text?: string } };
  };
}

/** Reference: a client attached straight to the pipes of the scripted runtime. */
export class DirectRuntime {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, (message: Message) => void>();
  private held = '';
  private lastId = 0;
  private session = '';
  /** What was said, and when it arrived. */
  readonly heard: { readonly at: number; readonly text: string }[] = [];

  private readonly home = mkdtempSync(join(tmpdir(), 'flotilla-bench-pipe-'));

  constructor() {
    const { home } = this;
    this.child = spawn(process.execPath, [program], {
      cwd: home,
      env: { PATH: process.env.PATH ?? '', HOME: home },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.child.stdout?.on('data', (data: Buffer) => this.receive(data.toString()));
  }

  async open(): Promise<void> {
    await this.ask('initialize', { protocolVersion: 1 });
    const { result } = await this.ask('session/new', { cwd: tmpdir(), mcpServers: [] });
    this.session = result?.sessionId ?? '';
  }

  async prompt(text: string): Promise<void> {
    await this.ask('session/prompt', { sessionId: this.session, prompt: [{ type: 'text', text }] });
  }

  end(): void {
    this.child.once('exit', () => rmSync(this.home, { recursive: true, force: true }));
    this.child.kill();
  }

  private ask(method: string, params: object): Promise<Message> {
    const id = ++this.lastId;
    this.child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    return new Promise((resolve) => this.waiting.set(id, resolve));
  }

  private receive(data: string): void {
    const lines = (this.held + data).split('\n');
    this.held = lines.pop() ?? '';
    for (const line of lines) {
      const message = JSON.parse(line) as Message;
      const update = message.params?.update;
      if (update?.sessionUpdate === 'agent_message_chunk')
        this.heard.push({ at: now(), text: update.content?.text ?? '' });
      if (message.method === undefined && message.id !== undefined) this.waiting.get(message.id)?.(message);
    }
  }
}

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ask, Cancelled, pause, RpcError, send, tell, text, update } from './scripted-wire.mjs';

const marker =
  /<<(write|both|bash|read|ask|choose|say|name|slow|stamp|fail|crash|hang|deaf|noise|flood|log|unknown|close)(?:\s+((?:\\>|[^\\]|\\(?!>))*?))?>>(?!>)/g;

export const stepsOf = (prompt) =>
  [...prompt.matchAll(marker)].map(([, op, argument = '']) => ({
    op,
    argument: argument.replaceAll('\\>', '>').trim(),
  }));

function toolCall(turn, title, kind, rawInput, file) {
  const locations = file === undefined ? [] : [{ path: file }];
  const call = { toolCallId: `call_${randomBytes(8).toString('hex')}`, title, kind, rawInput, locations };
  tell(turn.session, { sessionUpdate: 'tool_call', status: 'pending', ...call });
  return call;
}

function finish(turn, call, status, output, content = [{ type: 'content', content: text(output) }]) {
  const fields = { toolCallId: call.toolCallId, status, content, rawOutput: { output } };
  tell(turn.session, { sessionUpdate: 'tool_call_update', ...fields });
}

/** False when a person said no, or when the conversation is held to other tools. */
async function allowed(turn, call) {
  const { session } = turn;
  if (session.meta?.allowedTools && !session.meta.allowedTools.includes(call.kind)) return false;
  const asks = session.mode === 'ask' || (session.mode === 'default' && process.env.SCRIPTED_ASK === '1');
  if (!asks || call.kind === 'read' || session.always.has(call.kind)) return true;
  const options = [
    { optionId: 'once', name: 'Allow once', kind: 'allow_once' },
    { optionId: 'always', name: 'Always allow', kind: 'allow_always' },
    { optionId: 'reject', name: 'Reject', kind: 'reject_once' },
  ];
  const params = { sessionId: session.id, toolCall: { ...call, status: 'pending' }, options };
  const { outcome } = (await ask(turn, 'session/request_permission', params)).result ?? {};
  if (outcome?.outcome === 'cancelled') throw new Cancelled();
  if (outcome?.optionId === 'always') session.always.add(call.kind);
  return outcome?.optionId === 'once' || outcome?.optionId === 'always';
}

async function tool(turn, call, run) {
  if (!(await allowed(turn, call))) return finish(turn, call, 'failed', 'The user rejected this.');
  update(turn.session, { sessionUpdate: 'tool_call_update', toolCallId: call.toolCallId, status: 'in_progress' });
  try {
    const { failed, output, content } = await run();
    finish(turn, call, failed ? 'failed' : 'completed', output, content);
  } catch (error) {
    if (error instanceof Cancelled) throw error;
    finish(turn, call, 'failed', error.message);
  }
}

function run(turn, command) {
  return new Promise((resolve, reject) => {
    const options = { cwd: turn.session.cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] };
    const child = spawn('/bin/sh', ['-c', command], options);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (data) => (output += data));
    turn.signal.addEventListener('abort', () => child.pid && process.kill(-child.pid, 'SIGKILL'), { once: true });
    child.on('error', reject);
    child.on('close', (code) => {
      if (turn.signal.aborted) reject(new Cancelled());
      else resolve({ failed: code !== 0, output });
    });
  });
}

export const chunk = (turn, value) =>
  tell(turn.session, { sessionUpdate: 'agent_message_chunk', content: text(value) });
const never = () => new Promise(() => undefined);

/** What each step does. A step that fails rejects; a cancelled one rejects with `Cancelled`. */
export const doing = {
  name: (turn, argument) => tell(turn.session, { sessionUpdate: 'session_info_update', title: argument }),
  say: (turn, argument) => chunk(turn, argument),
  write: (turn, argument) => {
    const [name] = argument.split(/\s+/, 1);
    const file = path.resolve(turn.session.cwd, name);
    const newText = `${argument.slice(name.length).trim()}\n`;
    const call = toolCall(turn, `Write ${name}`, 'edit', { path: file, content: newText }, file);
    return tool(turn, call, () => {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, newText);
      return { output: 'written', content: [{ type: 'diff', path: file, oldText: null, newText }] };
    });
  },
  both: (turn, argument) => Promise.all(argument.split(/\s+/).map((name) => doing.write(turn, `${name} hi`))),
  read: (turn, argument) => {
    const file = path.resolve(turn.session.cwd, argument);
    const call = toolCall(turn, `Read ${argument}`, 'read', { path: file }, file);
    return tool(turn, call, () => ({ output: readFileSync(file, 'utf8') }));
  },
  bash: (turn, argument) => {
    const call = toolCall(turn, argument, 'execute', { command: argument });
    return tool(turn, call, () => run(turn, argument));
  },
  async ask(turn, argument) {
    const [question, ...given] = argument.split('|').map((part) => part.trim());
    const labels = given.length > 1 ? given : ['PostgreSQL', 'SQLite'];
    const message = question || 'Which database should I use?';
    const call = toolCall(turn, message, 'other', { question: message, options: labels });
    const oneOf = labels.map((label) => ({ const: label, title: label, description: `Choose ${label}` }));
    const properties = { question_0: { type: 'string', title: 'Demo', oneOf } };
    const requestedSchema = { type: 'object', properties, required: ['question_0'] };
    const params = { mode: 'form', sessionId: turn.session.id, toolCallId: call.toolCallId, message, requestedSchema };
    const { result } = await ask(turn, 'elicitation/create', params);
    const answer = result?.action === 'accept' ? `Answer: ${result.content?.question_0}` : 'No answer';
    finish(turn, call, result?.action === 'accept' ? 'completed' : 'failed', answer);
    chunk(turn, answer);
  },
  async choose(turn, argument) {
    const [question, ...labels] = argument.split('|').map((part) => part.trim());
    const call = toolCall(turn, question, 'other', { question, options: labels });
    const anyOf = labels.map((label) => ({ const: label, title: label, description: `Choose ${label}` }));
    const properties = {
      question_0: { type: 'array', title: question, items: { anyOf } },
      question_0_custom: { type: 'string', title: 'Other' },
      question_1: { type: 'string', title: 'What is it called?' },
    };
    const requestedSchema = { type: 'object', properties, required: ['question_0', 'question_1'] };
    const params = {
      mode: 'form',
      sessionId: turn.session.id,
      toolCallId: call.toolCallId,
      message: question,
      requestedSchema,
    };
    const { result } = await ask(turn, 'elicitation/create', params);
    const answer = result?.action === 'accept' ? `Answer: ${JSON.stringify(result.content)}` : 'No answer';
    finish(turn, call, result?.action === 'accept' ? 'completed' : 'failed', answer);
    chunk(turn, answer);
  },
  async slow(turn, argument) {
    const [count = 1, ms = 0] = argument.split(/\s+/).map(Number);
    for (let index = 1; index <= count; index += 1) {
      await pause(turn, ms);
      chunk(turn, `tick ${index} `);
    }
  },
  /** As slow, but each piece says when it left: nanoseconds of the machine's steady clock. */
  async stamp(turn, argument) {
    const [count = 1, ms = 0] = argument.split(/\s+/).map(Number);
    for (let index = 1; index <= count; index += 1) {
      await pause(turn, ms);
      chunk(turn, `${process.hrtime.bigint()} `);
    }
  },
  async flood(turn, argument) {
    for (let index = 1; index <= Number(argument); index += 1) {
      chunk(turn, `flood ${index} ${'x'.repeat(100)}\n`);
      if (index % 1000 === 0) await pause(turn, 0);
    }
  },
  fail: (_turn, argument) => {
    throw new RpcError(-32603, `Scripted failure ${argument}`, { status: Number(argument) });
  },
  crash: () => process.exit(1),
  noise: () => process.stdout.write('this line is noise, not JSON\n'),
  log: (_turn, argument) => process.stderr.write(`${argument}\n`),
  /** Asks the client for what no client knows, and says what it was answered; then tells it something nobody knows. */
  async unknown(turn) {
    const { result, error } = await ask(turn, 'scripted/unheard_of', { sessionId: turn.session.id });
    send({ method: 'scripted/unheard_of_note', params: { sessionId: turn.session.id } });
    chunk(turn, error ? `refused with ${error.code} ` : `answered ${JSON.stringify(result)} `);
  },
  /** Nobody can write to it any more; it goes on with what it was asked. */
  close: () => {
    process.stdin.removeAllListeners().destroy();
    setInterval(() => undefined, 60_000); // nothing else would keep the process
  },
  hang: never,
  deaf: () => {
    process.stdin.pause();
    setInterval(() => undefined, 60_000); // nothing else would keep the process
    return never();
  },
};

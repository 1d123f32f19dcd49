#!/usr/bin/env node
// An ACP runtime without a model, for tests: one JSON-RPC message per line on stdin and stdout, protocol version 1.
// The steps of the demo model (docs/demo-model.md) in the prompt become real tool calls, questions and text. More:
//   <<crash>> exits with 1    <<hang>> never answers, not even a cancel    <<deaf>> stops reading its stdin, and hangs
//   <<noise>> prints a line that is no JSON    <<flood N>> N chunks at once    <<both A B>> writes two files at once
//   <<choose QUESTION | OPTION | OPTION>> asks for several of them, other words and a name    <<log text>> writes a line to stderr
//   <<unknown>> asks the client for a method nobody knows, and says the answer    <<close>> closes its stdin and goes on
// What it was told of tool servers is in SCRIPTED_MCP of its shells.
// It asks for permission with SCRIPTED_ASK=1 or in mode "ask", never in mode "auto". Conversations are kept in
// $HOME/.scripted/<sessionId>.json: the user's message when it comes, everything else when its step is done.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { chunk, doing, stepsOf } from './scripted-steps.mjs';
import { Cancelled, RpcError, send, text, update, waiting } from './scripted-wire.mjs';

const modes = ['default', 'ask', 'auto'];
const modelNames = ['scripted-1', 'scripted-2'];
const store = path.join(process.env.HOME ?? '.', '.scripted');
const sessions = new Map();

// ---- Sessions

function save(session) {
  mkdirSync(store, { recursive: true });
  const file = path.join(store, `${session.id}.json`);
  const { id, cwd, mode, model, history, cost, meta } = session;
  writeFileSync(`${file}.draft`, JSON.stringify({ id, cwd, mode, model, history, cost, meta }));
  renameSync(`${file}.draft`, file);
}

function sessionOf(params) {
  const session = sessions.get(params?.sessionId);
  if (!session) throw new RpcError(-32602, `Unknown session: ${params?.sessionId}`);
  return session;
}

const option = (id, current, values) => ({
  id,
  name: id,
  type: 'select',
  currentValue: current,
  options: values.map((value) => ({ value, name: value })),
});
const configOptions = (session) => [option('mode', session.mode, modes), option('model', session.model, modelNames)];
const described = (session) => ({
  modes: { currentModeId: session.mode, availableModes: modes.map((id) => ({ id, name: id })) },
  configOptions: configOptions(session),
});

function configure(session, field, value, allowed) {
  if (!allowed.includes(value)) throw new RpcError(-32602, `Unknown ${field}: ${value}`);
  session[field] = value;
  save(session);
  if (field === 'mode') update(session, { sessionUpdate: 'current_mode_update', currentModeId: value });
  update(session, { sessionUpdate: 'config_option_update', configOptions: configOptions(session) });
}

async function prompt(params) {
  const session = sessionOf(params);
  if (session.turn) throw new RpcError(-32603, 'A prompt is running in this session');
  const words = (params.prompt ?? []).map((block) => block.text ?? '').join('\n');
  const abort = new AbortController();
  session.turn = abort;
  const turn = { session, signal: abort.signal };
  session.history.push({ sessionUpdate: 'user_message_chunk', content: text(words) });
  save(session);
  const from = session.history.length;
  let stopReason = 'end_turn';
  try {
    const steps = stepsOf(words);
    if (steps.length === 0) chunk(turn, 'Scripted runtime: this message has no steps.');
    for (const { op, argument } of steps) {
      if (abort.signal.aborted) throw new Cancelled();
      await doing[op](turn, argument);
      save(session);
    }
  } catch (error) {
    if (!(error instanceof Cancelled)) throw error;
    stopReason = 'cancelled';
  } finally {
    session.turn = null;
    save(session);
  }
  return { stopReason, usage: account(session, words, session.history.slice(from)) };
}

function account(session, words, said) {
  const inputTokens = Math.ceil(words.length / 4);
  const outputTokens = Math.ceil(JSON.stringify(said).length / 4);
  session.cost = Number((session.cost + (inputTokens + outputTokens) / 1_000_000).toFixed(6));
  save(session);
  const used = Math.ceil(JSON.stringify(session.history).length / 4);
  update(session, {
    sessionUpdate: 'usage_update',
    used,
    size: 128_000,
    cost: { amount: session.cost, currency: 'USD' },
  });
  return { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
}

// ---- Methods

function opened(session) {
  sessions.set(session.id, { ...session, always: new Set(), turn: null });
  return sessions.get(session.id);
}

const methods = {
  initialize: () => ({
    protocolVersion: 1,
    agentInfo: { name: 'scripted', title: 'Scripted runtime', version: '1.0.0' },
    agentCapabilities: {
      loadSession: true,
      promptCapabilities: { image: false, audio: false, embeddedContext: false },
      sessionCapabilities: { close: {} },
    },
    authMethods: [],
  }),
  authenticate: () => ({}),
  'session/new': ({ cwd, mcpServers, _meta = {} }) => {
    process.env.SCRIPTED_MCP = JSON.stringify(mcpServers);
    const id = `scripted-${randomBytes(8).toString('hex')}`;
    const session = opened({ id, cwd, mode: 'default', model: 'scripted-1', history: [], cost: 0, meta: _meta });
    save(session);
    return { sessionId: id, ...described(session) };
  },
  'session/load': ({ sessionId, cwd, mcpServers }) => {
    process.env.SCRIPTED_MCP = JSON.stringify(mcpServers);
    let kept;
    try {
      kept = JSON.parse(readFileSync(path.join(store, `${path.basename(sessionId)}.json`), 'utf8'));
    } catch {
      throw new RpcError(-32602, `Unknown session: ${sessionId}`);
    }
    const session = opened({ ...kept, cwd: cwd ?? kept.cwd });
    for (const fields of session.history) update(session, fields);
    return described(session);
  },
  'session/prompt': prompt,
  'session/set_mode': (params) => {
    configure(sessionOf(params), 'mode', params.modeId, modes);
    return {};
  },
  'session/set_config_option': (params) => {
    const session = sessionOf(params);
    const values = { mode: modes, model: modelNames }[params.configId];
    if (!values) throw new RpcError(-32602, `Unknown option: ${params.configId}`);
    configure(session, params.configId, params.value, values);
    return { configOptions: configOptions(session) };
  },
  'session/close': (params) => {
    sessionOf(params);
    sessions.delete(params.sessionId);
    return {};
  },
  'session/cancel': (params) => {
    sessions.get(params?.sessionId)?.turn?.abort();
  },
};

async function receive(line) {
  let message;
  try {
    message = JSON.parse(line);
  } catch {
    send({ id: null, error: { code: -32700, message: 'Parse error' } });
    return;
  }
  const { id, method, params } = message;
  if (method === undefined) {
    waiting.get(id)?.(message);
    waiting.delete(id);
    return;
  }
  try {
    const handler = Object.hasOwn(methods, method) ? methods[method] : null;
    if (!handler) throw new RpcError(-32601, `Method not found: ${method}`);
    const result = await handler(params ?? {});
    if (id !== undefined) send({ id, result });
  } catch (error) {
    const { code = -32603, message: reason, data } = error;
    if (id !== undefined)
      send({ id, error: { code: typeof code === 'number' ? code : -32603, message: reason, data } });
  }
}

const input = createInterface({ input: process.stdin, crlfDelay: Infinity });
input.on('line', (line) => {
  if (line.trim() !== '') void receive(line);
});
input.on('close', () => process.exit(0));

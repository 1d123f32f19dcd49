// The scripted runtime's side of the wire: JSON-RPC lines out, requests to the client, and what a turn waits for.

/** Answers to our requests to the client, by id. Ids start at 0 in each process, as those of real runtimes do. */
export const waiting = new Map();
let nextRequestId = 0;

export class Cancelled extends Error {}
export class RpcError extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
export const update = (session, fields) =>
  send({ method: 'session/update', params: { sessionId: session.id, update: fields } });
export const text = (value) => ({ type: 'text', text: value });

/** Asks the client; rejects when the turn is cancelled first. */
export function ask(turn, method, params) {
  const id = nextRequestId++;
  return new Promise((resolve, reject) => {
    const cancel = () => {
      waiting.delete(id);
      reject(new Cancelled());
    };
    if (turn.signal.aborted) return cancel();
    turn.signal.addEventListener('abort', cancel, { once: true });
    waiting.set(id, (answer) => {
      turn.signal.removeEventListener('abort', cancel);
      resolve(answer);
    });
    send({ id, method, params });
  });
}

/** Resolves after `ms`; rejects when the turn is cancelled first. */
export function pause(turn, ms) {
  return new Promise((resolve, reject) => {
    const cancel = () => {
      clearTimeout(timer);
      reject(new Cancelled());
    };
    const timer = setTimeout(() => {
      turn.signal.removeEventListener('abort', cancel);
      resolve();
    }, ms);
    if (turn.signal.aborted) cancel();
    else turn.signal.addEventListener('abort', cancel, { once: true });
  });
}

/** Sends an update and keeps it for the next `session/load`. */
export function tell(session, fields) {
  update(session, fields);
  session.history.push(fields);
}

import { call } from './api.js';

/** Milliseconds: waits between tries grow from the first to the last. */
const firstWait = 500;
const lastWait = 15_000;
/** A silent connection is asked whether it lives, and given up without an answer. */
const askAfter = 25_000;
const patience = 10_000;

/**
 * The server's events over one WebSocket that comes back by itself, from the last event on that was seen.
 * `onState` hears connecting, live or waiting; `onOpen` every (re)connection; `onMessage` each event.
 */
export function liveEvents({ onState, onOpen, onMessage }) {
  let socket = null;
  let lastId = null;
  let wait = firstWait;
  let retry = null;
  let pulse = null;
  let ended = false;

  async function connect() {
    retry = null;
    onState('connecting');
    try {
      const { ticket } = await call('POST', '/api/ws/ticket');
      if (!ended) open(ticket);
    } catch {
      if (!ended) later();
    }
  }

  function open(ticket) {
    const query = new URLSearchParams({ ticket, ...(lastId === null ? {} : { 'last-event-id': lastId }) });
    const own = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws?${query}`);
    socket = own;
    own.addEventListener('open', () => {
      wait = firstWait;
      onState('live');
      onOpen();
      listenFor(own);
    });
    own.addEventListener('message', ({ data }) => {
      listenFor(own);
      take(JSON.parse(data));
    });
    own.addEventListener('close', () => {
      if (socket === own) lost();
    });
  }

  function take(message) {
    if (message.type === 'resync_required') lastId = null;
    else if (message.id !== undefined) lastId = message.id;
    if (message.type !== 'pong') onMessage(message);
  }

  function listenFor(own) {
    clearTimeout(pulse);
    pulse = setTimeout(() => {
      own.send('{"type":"ping"}');
      // A dead connection may take minutes to close: do not wait for that.
      pulse = setTimeout(() => {
        own.close();
        if (socket === own) lost();
      }, patience);
    }, askAfter);
  }

  function lost() {
    socket = null;
    clearTimeout(pulse);
    if (!ended) later();
  }

  function later() {
    onState('waiting');
    retry = setTimeout(() => void connect(), wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, lastWait);
  }

  /** The network or the reader is back: no reason to wait. */
  function hurry() {
    if (retry === null || document.hidden) return;
    clearTimeout(retry);
    void connect();
  }

  addEventListener('online', hurry);
  document.addEventListener('visibilitychange', hurry);
  void connect();
  return {
    close() {
      ended = true;
      clearTimeout(retry);
      clearTimeout(pulse);
      removeEventListener('online', hurry);
      document.removeEventListener('visibilitychange', hurry);
      socket?.close();
    },
  };
}

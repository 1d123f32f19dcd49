import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BoundedLog } from './bounded-log.js';
import { fieldsOf, textOf } from './conversation.js';
import { Listeners } from './listeners.js';
import { loopbackTargets, type RelayTargets } from './relay.js';
import { requestHandler } from './server.js';
import { readState, startTimeOf, writeState } from './state.js';

/*
 * The scripted demo model and the relay for model servers on this machine.
 *   by hand:        node dist/demo-model/main.js [--host 127.0.0.1] [--port 18571]
 *   by the server:  node dist/demo-model/main.js --data-dir DIR < {"token", "configHash", "targets", "listeners"}
 * It holds no key: the relay passes on what the runtime sends.
 */

const loopback = '127.0.0.1';
const drainMs = 60_000;
const watchMs = 2_000;
/** The server asks for its health far more often. Nobody for an hour: nobody needs it. */
const lonelyMs = 3_600_000;

const usage = 'usage: node dist/demo-model/main.js [--host ADDRESS] [--port PORT]';

async function standAlone(host: string, port: number): Promise<void> {
  const log = (line: string): void => {
    console.log(line);
  };
  const listeners = new Listeners(requestHandler({ targets: {}, log, control: null }));
  const actual = await listeners.listen(host, port);
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
  console.log(
    `Flotilla's scripted demo model. OpenAI: ${base}/v1  Anthropic and Gemini: ${base}  any key, model demo-1`,
  );
}

interface Orders {
  readonly token: string;
  readonly configHash: string;
  readonly targets: RelayTargets;
  /** Addresses and ports an earlier process listened on, so that running agents find the new one. */
  readonly listeners: Readonly<Record<string, number>>;
}

function readOrders(): Orders {
  const fields = fieldsOf(JSON.parse(readFileSync(0, 'utf8')));
  const targets = Object.entries(fieldsOf(fields['targets'])).map(([name, url]) => [name, textOf(url)] as const);
  const listeners = Object.entries(fieldsOf(fields['listeners'])).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return {
    token: textOf(fields['token']),
    configHash: textOf(fields['configHash']),
    targets: loopbackTargets(Object.fromEntries(targets)),
    listeners: Object.fromEntries(listeners),
  };
}

async function serve(dataDir: string, orders: Orders): Promise<void> {
  const log = new BoundedLog(`${dataDir}/model.log`);
  const startTime = startTimeOf(process.pid);
  let contactAt = Date.now();
  let open = 0;

  const save = (): void => {
    const ports = listeners.ports;
    const { token, configHash } = orders;
    writeState(dataDir, {
      pid: process.pid,
      startTime,
      port: ports[loopback] ?? 0,
      token,
      configHash,
      listeners: ports,
    });
  };
  const leave = (reason: string): void => {
    clearInterval(watch);
    log.line(`ends: ${reason}`);
    void listeners.drain(drainMs).then(() => process.exit(0));
  };
  const handler = requestHandler({
    targets: orders.targets,
    log: (line) => {
      if (!line.includes(' /_flotilla/health 200 ')) log.line(line);
    },
    control: {
      token: orders.token,
      health: () => ({ pid: process.pid, configHash: orders.configHash, listeners: listeners.ports }),
      listen: async (host) => {
        const port = await listeners.listen(host, listeners.ports[loopback] ?? 0);
        save();
        return port;
      },
      stop: () => {
        leave('asked to stop');
      },
    },
  });
  const listeners = new Listeners((request, response) => {
    contactAt = Date.now();
    open += 1;
    response.once('close', () => {
      open -= 1;
    });
    handler(request, response);
  });

  await listeners.listen(loopback, orders.listeners[loopback] ?? 0);
  for (const [host, port] of Object.entries(orders.listeners)) {
    await listeners.listen(host, port).catch((error: unknown) => {
      log.line(`cannot listen on ${host}: ${String(error)}`);
    });
  }
  save();
  log.line(`listens on ${JSON.stringify(listeners.ports)}`);

  // A data folder that is gone, or a state file of somebody else, means that nobody will ever stop this process.
  const watch = setInterval(() => {
    if (readState(dataDir)?.token !== orders.token) leave('its state file is gone');
    else if (open === 0 && Date.now() - contactAt > lonelyMs) leave('nobody asked for an hour');
  }, watchMs);
  process.on('SIGTERM', () => {
    leave('SIGTERM');
  });
}

function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
}

function main(): Promise<void> {
  const { values } = parseArgs({
    options: { 'data-dir': { type: 'string' }, host: { type: 'string' }, port: { type: 'string' } },
  });
  const dataDir = values['data-dir'];
  if (dataDir !== undefined) return serve(dataDir, readOrders());
  const port = Number(values.port ?? '18571');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(usage);
  return standAlone(values.host ?? loopback, port);
}

try {
  main().catch(fail);
} catch (error) {
  fail(error);
}

/**
 * The embedded PostgreSQL (PGlite) in a thread of its own, so that a query never blocks the server's event loop.
 *
 * Plain CommonJS on purpose: a worker is started from a file, and this one runs as it is from src (tests) and dist.
 * There is one PostgreSQL session. Many clients share it: whoever opens a transaction owns the session until it ends,
 * everybody else waits in order of arrival. Run as a program (`node pglite.worker.cjs <folder>`) it creates the
 * database files and exits: initdb needs some 850 MB for a moment, which a process of its own gives back.
 */
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { isMainThread, parentPort, workerData } = require('node:worker_threads');

const root = path.dirname(require.resolve('@electric-sql/pglite'));
const { PGlite } = require('@electric-sql/pglite');
const { PreparedStatements } = require('./prepared-statements.cjs');
const { NodeFS } = require(path.join(root, 'fs', 'nodefs.cjs'));

/** PGlite's file system turns fsync into nothing. With this one a commit and a checkpoint reach the disk. */
class DurableFS extends NodeFS {
  async init(pg, options) {
    const made = await super.init(pg, options);
    const addFsync = (module) => {
      module.FS.filesystems.NODEFS.stream_ops.fsync = (stream) => {
        if (stream.nfd !== undefined) fs.fdatasyncSync(stream.nfd);
        return 0;
      };
    };
    return {
      ...made,
      emscriptenOpts: { ...made.emscriptenOpts, preRun: [...(made.emscriptenOpts.preRun ?? []), addFsync] },
    };
  }
}

/** `-F` means "no fsync"; PGlite's own fdatasync does nothing, so the WAL uses fsync. Small buffers save 130 MB. */
const startParams = [
  ...PGlite.defaultStartParams.filter((param) => param !== '-F'),
  ...['fsync=on', 'wal_sync_method=fsync', 'shared_buffers=32MB'].flatMap((setting) => ['-c', setting]),
];

async function initialise(folder) {
  const db = await PGlite.create({ dataDir: folder });
  await db.close();
}

/** Text in, text out: the driver converts with pg's own code, so that both databases give the same JavaScript values. */
const asIs = new Proxy({}, { get: () => (value) => value, has: () => true });

const errorFields = [
  'code',
  'severity',
  'detail',
  'hint',
  'position',
  'internalPosition',
  'internalQuery',
  'where',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'file',
  'line',
  'routine',
];

const plainError = (error) => {
  const plain = { message: String(error?.message ?? error) };
  for (const field of errorFields) if (error?.[field] !== undefined) plain[field] = error[field];
  return plain;
};

/** An error PostgreSQL reported and survived. Anything else (a WASM trap, PANIC) leaves the session in an unknown state. */
const survived = (error) => Boolean(error?.code) && (error?.severity === 'ERROR' || error?.severity === undefined);

async function serve({ folder, idleInTransactionMs, maintenanceMs }) {
  const db = await PGlite.create({ fs: new DurableFS(folder), startParams });
  db.parsers = asIs;
  db.serializers = asIs;
  db.onNotification((channel, payload) => parentPort.postMessage({ channel, payload }));

  const waiting = [];
  const expelled = new Set();
  let owner = null;
  let busy = false;
  let idleTimer = null;

  const prepared = new PreparedStatements(db);
  const run = async (sql, values) => {
    const known = await prepared.run(sql, values);
    if (known) return [known];
    const results = values?.length
      ? [await db.query(sql, values, { rowMode: 'array' })]
      : await db.exec(sql, { rowMode: 'array' });
    await prepared.ran(sql);
    return results.map(({ rows, rowCount, command, fields }) => ({
      rows,
      rowCount: rowCount ?? null,
      command,
      fields,
    }));
  };

  const idleTooLong = {
    message: 'terminated: the transaction did nothing for a long time while others waited for the only connection',
    code: '25P03',
    severity: 'ERROR',
  };

  const answer = async (request) => {
    const { session, sql, values, release } = request;
    if (expelled.has(session)) {
      if (release || /^\s*rollback\b/i.test(sql)) {
        expelled.delete(session);
        return { results: [{ rows: [], rowCount: null, command: 'ROLLBACK', fields: [] }] };
      }
      return { error: idleTooLong };
    }
    if (release) return { results: owner === session ? await run('rollback') : [] };
    return { results: await run(sql, values) };
  };

  const watchIdle = () => {
    clearTimeout(idleTimer);
    if (owner === null) return;
    idleTimer = setTimeout(() => {
      if (busy || owner === null || waiting.length === 0) return watchIdle();
      expelled.add(owner);
      owner = null;
      busy = true;
      void run('rollback').then(() => {
        busy = false;
        void pump();
      }, die);
    }, idleInTransactionMs);
  };

  const die = (error) => {
    setImmediate(() => {
      throw error;
    });
  };

  const pump = async () => {
    if (busy) return;
    const next = owner === null ? 0 : waiting.findIndex((request) => request.session === owner || request.close);
    if (next < 0 || waiting.length === 0) return;
    const [request] = waiting.splice(next, 1);
    busy = true;
    if (request.close) return close(request);
    clearTimeout(idleTimer);
    let reply;
    try {
      reply = await answer(request);
    } catch (error) {
      reply = { error: plainError(error) };
      if (!survived(error)) {
        parentPort.postMessage({ id: request.id, ...reply });
        return die(error);
      }
    }
    // PostgreSQL itself says whether a transaction is open; the text of a statement would be a guess.
    const open = db.isInTransaction();
    owner = open ? request.session : null;
    parentPort.postMessage({ id: request.id, open, ...reply });
    watchIdle();
    busy = false;
    setImmediate(() => void pump());
  };

  const close = async (request) => {
    clearTimeout(idleTimer);
    clearInterval(maintenance);
    if (owner !== null) await run('rollback').catch(() => undefined);
    await run('checkpoint').catch(() => undefined);
    await db.close().catch(() => undefined);
    parentPort.postMessage({ id: request.id, results: [] });
    parentPort.close();
  };

  /** Without background processes nobody else would ever cut the write-ahead log or clean up dead rows. */
  const maintain = async () => {
    if (busy || owner !== null || waiting.length > 0) return;
    busy = true;
    try {
      const [wal] = await run('select pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn) from pg_control_checkpoint()');
      if (Number(wal.rows[0][0]) > 48 * 1024 * 1024) await run('checkpoint');
      const [dead] = await run(
        `select quote_ident(schemaname) || '.' || quote_ident(relname) from pg_stat_user_tables
         where n_dead_tup > 500 + 0.2 * n_live_tup order by n_dead_tup desc limit 1`,
      );
      for (const [table] of dead.rows) await run(`vacuum (analyze) ${table}`);
      await prepared.forget();
    } catch (error) {
      if (!survived(error)) return die(error);
    }
    busy = false;
    void pump();
  };
  const maintenance = setInterval(() => void maintain(), maintenanceMs);
  maintenance.unref();

  parentPort.on('message', (request) => {
    waiting.push(request);
    void pump();
  });
  parentPort.postMessage({ ready: true });
}

if (isMainThread) {
  initialise(process.argv[2]).then(
    () => process.exit(0),
    (error) => {
      process.stderr.write(`${error?.message ?? error}\n`);
      process.exit(1);
    },
  );
} else {
  serve(workerData).catch((error) => parentPort.postMessage({ failed: String(error?.message ?? error) }));
}

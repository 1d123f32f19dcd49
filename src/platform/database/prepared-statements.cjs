/**
 * Statements that come again are planned once: in WASM the planning is most of what a small statement costs, and one
 * message carries the whole of it. Used by the thread of the embedded database only.
 */
'use strict';
const { protocol } = require('@electric-sql/pglite');

const { serialize } = protocol;

/** Texts that are prepared, and texts that are remembered until one comes again. */
const most = { kept: 400, seen: 1000 };
const preparable = /^\s*(select|insert|update|delete|with)\b/i;
/** What may change the columns of a result; PostgreSQL itself notices what only makes a plan old. */
const changesTables = /\b(create|alter|drop|do)\b/i;
/** "cached plan must not change result type" */
const resultHasChanged = '0A000';

class PreparedStatements {
  names = new Map();
  seen = new Set();
  last = 0;

  constructor(db) {
    this.db = db;
  }

  /** The result of a statement with values that has come before; null: run it in another way. */
  async run(sql, values) {
    const known = this.names.get(sql);
    if (known === undefined && !this.isWorthIt(sql, values)) return null;
    if (values?.some((value) => typeof value === 'object' && value !== null)) return null; // bytes
    const name = known ?? `s${++this.last}`;
    if (known === undefined) {
      await this.send(serialize.parse({ name, text: sql }));
      this.names.set(sql, name);
    }
    const whole = [serialize.bind({ statement: name, values: values ?? [] }), serialize.describe({ type: 'P' })];
    const alone = !this.db.isInTransaction();
    try {
      return resultOf(await this.send(...whole, serialize.execute({})));
    } catch (error) {
      if (error?.code !== resultHasChanged) throw error;
      await this.forget();
      // Inside a transaction nothing can be tried again.
      if (!alone) throw error;
      return null;
    }
  }

  isWorthIt(sql, values) {
    // Several statements in one text cannot be prepared; they bring no values.
    if (this.names.size >= most.kept || !preparable.test(sql) || (!values?.length && sql.includes(';'))) return false;
    if (this.seen.delete(sql)) return true;
    if (this.seen.size >= most.seen) this.seen.clear();
    this.seen.add(sql);
    return false;
  }

  /** After a statement that was not prepared. */
  async ran(sql) {
    if (this.names.size > 0 && !preparable.test(sql) && changesTables.test(sql)) await this.forget();
  }

  /** Plans are made anew from time to time: tables grow, and a plan for ten rows is bad for ten thousand. */
  async forget() {
    const names = [...this.names.values()];
    this.names.clear();
    const messages = names.map((name) => serialize.close({ type: 'S', name }));
    if (messages.length > 0) await this.send(...messages).catch(() => undefined);
  }

  /** The sync at the end makes the session usable again after an error. */
  send(...messages) {
    return this.db.execProtocolStream(Buffer.concat([...messages, serialize.sync()]), { syncToFs: false });
  }
}

function resultOf(messages) {
  const result = { rows: [], rowCount: null, command: undefined, fields: [] };
  for (const message of messages) {
    if (message.name === 'dataRow') result.rows.push(message.fields);
    else if (message.name === 'rowDescription') {
      result.fields = message.fields.map(({ name, dataTypeID }) => ({ name, dataTypeID }));
    } else if (message.name === 'commandComplete') {
      // `UPDATE 3`, `INSERT 0 1`
      const words = message.text.split(' ');
      result.command = words[0];
      result.rowCount = Number(words[words.length - 1]);
    }
  }
  return result;
}

module.exports = { PreparedStatements };

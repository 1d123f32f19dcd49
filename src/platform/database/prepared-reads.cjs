/**
 * Reads that come again are planned once: in WASM the planning is most of what a small read costs, and one message
 * carries a whole read. Used by the thread of the embedded database only; who reads decides what is kept, and its name.
 */
'use strict';
const { protocol } = require('@electric-sql/pglite');

const { serialize } = protocol;

class PreparedReads {
  known = new Set();

  constructor(db) {
    this.db = db;
  }

  async run(name, sql, values) {
    if (!this.known.has(name)) {
      await this.send(serialize.parse({ name, text: sql }));
      this.known.add(name);
    }
    const read = [serialize.bind({ statement: name, values: values ?? [] }), serialize.describe({ type: 'P' })];
    return resultOf(await this.send(...read, serialize.execute({})));
  }

  /** Plans are made anew from time to time: tables grow, and a plan for ten rows is bad for ten thousand. */
  async forget() {
    const names = [...this.known];
    this.known.clear();
    if (names.length > 0) await this.send(...names.map((name) => serialize.close({ type: 'S', name })));
  }

  /** The sync at the end makes the session usable again after an error. */
  send(...messages) {
    return this.db.execProtocolStream(Buffer.concat([...messages, serialize.sync()]), { syncToFs: false });
  }
}

function resultOf(messages) {
  const result = { rows: [], rowCount: null, command: 'SELECT', fields: [] };
  for (const message of messages) {
    if (message.name === 'dataRow') result.rows.push(message.fields);
    else if (message.name === 'rowDescription') {
      result.fields = message.fields.map(({ name, dataTypeID }) => ({ name, dataTypeID }));
    } else if (message.name === 'commandComplete') result.rowCount = result.rows.length;
  }
  return result;
}

module.exports = { PreparedReads };

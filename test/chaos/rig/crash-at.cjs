// Preloaded into a server under test (NODE_OPTIONS=-r). The file FLOTILLA_CRASH_FILE names a gap between two steps: the
// next time the server passes it, it dies there, as by `kill -9`, and the file says so. Without the file nothing happens.
const { subscribe } = require('node:diagnostics_channel');
const { readFileSync, writeFileSync } = require('node:fs');

const file = process.env.FLOTILLA_CRASH_FILE;
const wanted = () => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

if (file) {
  subscribe('flotilla:step', (name) => {
    if (wanted() !== name) return;
    writeFileSync(file, `died at ${name}`);
    process.kill(process.pid, 'SIGKILL');
  });
}

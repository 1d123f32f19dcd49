// A control plane in small, to be killed at any moment: spool-writer.cjs GENERATION_FOLDER LINES_FILE
// Delivers every line of the file that the feeder has not confirmed, at most 20 ahead, and ends when all are fed.
const fs = require('node:fs');

const [, , folder, file] = process.argv;
const lines = fs.readFileSync(file, 'utf8').split(/(?<=\n)/);
const fed = () => (fs.existsSync(`${folder}/fed`) ? Number(fs.readFileSync(`${folder}/fed`, 'utf8')) : 0);
const ring = () => {
  const bell = fs.openSync(`${folder}/bell`, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
  fs.writeSync(bell, '\n');
  fs.closeSync(bell);
};

async function deliver() {
  let written = fed();
  ring();
  while (fed() < lines.length) {
    const upto = Math.min(lines.length, fed() + 20);
    for (let n = written + 1; n <= upto; n += 1) {
      const draft = `${folder}/spool/${n}.${process.pid}~`;
      fs.writeFileSync(draft, lines[n - 1], { mode: 0o600 });
      fs.renameSync(draft, `${folder}/spool/${n}`);
    }
    if (upto > written) ring();
    written = Math.max(written, upto);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

void deliver();

// Turns the newest run in bench/out into files that are committed: the numbers, and their table in docs/benchmarks.md
// (and in README.md, where the markers stand). `node bench/publish.mjs [bench/out/<file>.json]`
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');
const out = path.join(import.meta.dirname, 'out');
const newest = () => {
  const runs = readdirSync(out).filter((name) => name.endsWith('.json'));
  const last = runs.sort().at(-1);
  if (!last) throw new Error('nothing to publish: run `npm run bench` first');
  return path.join(out, last);
};

const run = JSON.parse(readFileSync(process.argv[2] ?? newest(), 'utf8'));
const { host } = run;
const day = run.began.slice(0, 10);
const name = `${day}-${host.host.replace(/[^\w.-]/g, '-')}.json`;
mkdirSync(path.join(import.meta.dirname, 'results'), { recursive: true });
writeFileSync(path.join(import.meta.dirname, 'results', name), `${JSON.stringify(run, null, 2)}\n`);

const shown = (value) => (value === null || Number.isNaN(value) ? '' : String(Number(value.toPrecision(3))));
const row = (cells) => `| ${cells.join(' | ')} |`;

function lines({ id, what, reference, unit, product, referenceSummary, bars }) {
  const first = [
    id,
    what,
    `${shown(product.p50)} ${unit}`,
    reference ? `${reference}: ${shown(referenceSummary?.p50 ?? null)}` : '',
  ];
  const all = bars.length > 0 ? bars : [{ found: null, text: '', verdict: '' }];
  return all.map((bar, index) =>
    row([...(index === 0 ? first : ['', '', '', '']), shown(bar.found), bar.text, bar.verdict]),
  );
}

const verdicts = run.results.flatMap(({ bars }) => bars.map(({ verdict }) => verdict));
const count = (verdict) => verdicts.filter((one) => one === verdict).length;
const facts =
  `Measured ${day} on ${host.cores} cores (${host.cpu}), ${Math.round(host.memoryMB / 1024)} GB, kernel ${host.kernel}, ` +
  `Node ${host.node}, engine ${host.engine}, ${host.postgres}; load ${host.loadBefore[0]} before and ${host.loadAfter[0]} after; ` +
  `${run.suite} suite, commit ${host.commit}. ${count('holds')} bars hold, ${count('missed')} are missed, ` +
  `${count('not yet')} wait for something that is not built. Raw numbers: \`bench/results/${name}\`.`;
const table = [
  row(['id', 'what', 'p50', 'reference, p50', 'found', 'bar', 'verdict']),
  row(['--', '----', '---', '--------------', '-----', '---', '-------']),
  ...run.results.flatMap(lines),
].join('\n');
const growth = run.results
  .filter((result) => result.growth)
  .map(
    ({ what, growth: { points, exponent } }) =>
      `- ${what}: exponent ${exponent.toFixed(2)} from ${points[0].size} to ${points.at(-1).size} agents`,
  );

const why = run.results.flatMap(({ id, what, bars }) =>
  bars
    .filter((bar) => bar.verdict !== 'holds' && bar.why)
    .map((bar) => `- ${id} ${what}, ${bar.text} (${bar.verdict}): ${bar.why}`),
);

/** Replaces what stands between the markers of a file; leaves a file without them alone. */
function put(file, text) {
  const target = path.join(root, file);
  const before = readFileSync(target, 'utf8');
  const [begin, end] = ['<!-- bench:begin -->', '<!-- bench:end -->'];
  const from = before.indexOf(begin);
  const to = before.indexOf(end);
  if (from < 0 || to < from) return;
  writeFileSync(target, `${before.slice(0, from + begin.length)}\n${text}\n${before.slice(to)}`);
  process.stdout.write(`${file} has the new table\n`);
}

put(
  'docs/benchmarks.md',
  [
    facts,
    '',
    table,
    '',
    'How cost grows with the number of agents (0: not at all, 1: in proportion):',
    '',
    ...growth,
    '',
    'Why bars are missed:',
    '',
    ...(why.length > 0 ? why : ['None is.']),
  ].join('\n'),
);
const headline = new Set(['P2', 'P5', 'P6', 'P7', 'P9', 'P11', 'P14', 'P16', 'P17']);
const short = [
  row(['what', 'ours, p50', 'reference, p50', 'ratio or value', 'bar']),
  row(['----', '---------', '--------------', '--------------', '---']),
  ...run.results
    .filter(({ id, bars }) => headline.has(id) && bars.length > 0)
    .map(({ what, unit, product, reference, referenceSummary, bars: [bar] }) =>
      row([
        what,
        `${shown(product.p50)} ${unit}`,
        reference ? `${reference}: ${shown(referenceSummary?.p50 ?? null)}` : '',
        shown(bar.found),
        `${bar.text}: ${bar.verdict}`,
      ]),
    ),
].join('\n');
put(
  'README.md',
  [
    `${short}\n`,
    `${facts} Repeat it: \`npm run bench -- --suite full\`; what it means: [docs/benchmarks.md](docs/benchmarks.md).`,
  ].join('\n'),
);
process.stdout.write(`stored bench/results/${name}\n`);

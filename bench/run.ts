import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { postgresPrograms } from '../test/support/postgres.js';
import { benches } from './cases/index.js';
import type { Bench, Row, Scale } from './core/bench.js';
import { hostFacts, load } from './core/host.js';
import { errorsOf, judge, misses, unexplained } from './core/judge.js';
import { LastResult } from './core/last-result.js';
import { distributions, linesOf, type Result, resultOf, tableText } from './core/report.js';
import { World } from './core/world.js';
import { explained } from './known-misses.js';

const repetitions = 3;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const { values: given } = parseArgs({
  options: {
    suite: { type: 'string', default: 'quick' },
    only: { type: 'string' },
    dist: { type: 'string', default: join(__dirname, '../dist') },
    rounds: { type: 'string' },
    profile: { type: 'boolean', default: false },
    repeat: { type: 'string', default: String(repetitions) },
  },
});

interface Outcome {
  readonly results: readonly Result[];
  readonly failures: readonly string[];
}

/** Repeats a benchmark while a bar is missed, or an operation costs more than it did; a bar that held once holds. */
async function measure(
  bench: Bench,
  world: World,
  scale: Scale,
  { repeat, last }: { readonly repeat: number; readonly last: LastResult },
): Promise<Outcome> {
  const bad = (row: Row): boolean => misses(row) || last.growth(row) !== null;
  const best = new Map<string, Row>();
  const lost: string[] = [];
  let attempts = 0;
  do {
    attempts += 1;
    for (const row of (await bench.run(world, scale)).map(explained)) {
      const key = `${row.id} ${row.what}`;
      const known = best.get(key);
      if (!known || bad(known)) best.set(key, row);
      lost.push(
        ...judge(row)
          .filter(unexplained)
          .map((one) => distributions(row, one)),
      );
    }
  } while (attempts < repeat && [...best.values()].some(bad));
  const rows = [...best.values()];
  const failed = rows.some(misses) ? lost : [];
  const wrong = rows.filter((row) => errorsOf(row.product) > 0).map((row) => `  ${row.id} ${row.what}: wrong answers`);
  const grown = rows.map((row) => last.growth(row)).filter((text) => text !== null);
  return { results: rows.map((row) => resultOf(row, attempts)), failures: [...failed, ...grown, ...wrong] };
}

async function main(): Promise<void> {
  const suite = given.suite === 'full' ? 'full' : 'quick';
  const rounds = Number(given.rounds ?? (suite === 'full' ? 7 : 5));
  const scale: Scale = { suite, rounds, pick: (quick, full) => (suite === 'full' ? full : quick) };
  const wanted = given.only?.toLowerCase().split(',');
  const chosen = benches.filter(({ id }) => wanted?.includes(id.toLowerCase()) ?? true);
  const world = new World(resolve(given.dist), given.profile ? join(__dirname, 'out/profiles') : null);
  const host = hostFacts(postgresPrograms());
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void world.close().finally(() => process.exit(130)));
  const began = new Date();
  const last = LastResult.in(join(__dirname, 'results'), suite, host);
  say(
    `${suite} suite on ${host.host}: ${host.cores} cores, kernel ${host.kernel}, Node ${host.node}, engine ${host.engine}`,
  );
  const results: Result[] = [];
  const failures: string[] = [];
  try {
    for (const bench of chosen) {
      const started = Date.now();
      try {
        const outcome = await measure(bench, world, scale, { repeat: Number(given.repeat), last });
        results.push(...outcome.results);
        failures.push(...outcome.failures);
      } catch (error) {
        failures.push(
          `  ${bench.id} ${bench.title}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
      }
      say(`${bench.id} ${bench.title}: ${((Date.now() - started) / 1000).toFixed(0)} s`);
    }
  } finally {
    await world.close();
  }
  report({ suite, began, host: { ...host, loadAfter: load() }, results, failures });
}

function report(run: { suite: string; began: Date; host: object; results: Result[]; failures: string[] }): void {
  say(`\n${tableText(run.results.flatMap(linesOf))}\n`);
  for (const { id, what, growth, notes, bars } of run.results) {
    for (const { text, verdict, why } of bars)
      if (verdict === 'missed' && why) say(`${id} ${what}: misses ${text}: ${why}`);
    if (growth) {
      const points = growth.points.map(({ size, value }) => `${size}: ${value.toPrecision(3)}`).join(', ');
      say(`${id} ${what}: grows with exponent ${growth.exponent.toFixed(2)} (${points})`);
    }
    for (const note of notes) say(`${id} ${what}: ${note}`);
  }
  const folder = join(__dirname, 'out');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${run.began.toISOString().replace(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify({ ...run, seconds: (Date.now() - run.began.getTime()) / 1000 }, null, 2)}\n`);
  say(`\nstored in ${file}`);
  if (run.failures.length === 0) return;
  say(
    `\nBars that were missed, operations that cost more than they did, or answers that were wrong:\n${run.failures.join('\n')}`,
  );
  process.exitCode = 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});

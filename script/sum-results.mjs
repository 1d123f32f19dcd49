// Adds up what script/test left in a folder: checks.tsv, and per Jest project <name>.status and <name>.json.
// Prints skips and failures by name, then the sum as the last line. Exit code 1 if anything failed.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
const read = (name) => readFileSync(path.join(folder, name), 'utf8');
const names = { passed: [], failed: [], skipped: [] };

if (existsSync(path.join(folder, 'checks.tsv'))) {
  for (const line of read('checks.tsv').trimEnd().split('\n')) {
    const [outcome, name] = line.split('\t');
    names[outcome].push(name);
  }
}

const outcomes = {
  passed: 'passed',
  failed: 'failed',
  pending: 'skipped',
  todo: 'skipped',
  skipped: 'skipped',
  disabled: 'skipped',
};
for (const file of readdirSync(folder).filter((name) => name.endsWith('.status'))) {
  const project = path.basename(file, '.status');
  const status = Number(read(file));
  const failedBefore = names.failed.length;
  if (existsSync(path.join(folder, `${project}.json`))) {
    for (const suite of JSON.parse(read(`${project}.json`)).testResults) {
      const where = `${project}: ${path.relative(process.cwd(), suite.name)}`;
      for (const test of suite.assertionResults)
        names[outcomes[test.status] ?? 'failed'].push(`${where}: ${test.fullName}`);
      const failures = suite.assertionResults.some((test) => test.status === 'failed');
      if (suite.status === 'failed' && !failures) names.failed.push(`${where}: could not be run`);
    }
  }
  // 124: stopped by the time limit. Anything else without a failed test: a leak, a crash, a missing report.
  if (status !== 0 && names.failed.length === failedBefore) {
    names.failed.push(`${project}: Jest ended with code ${status}${status === 124 ? ' (time limit)' : ''}`);
  }
}

for (const name of names.skipped) console.log(`skipped: ${name}`);
for (const name of names.failed) console.log(`FAILED: ${name}`);
console.log(`${names.passed.length} passed, ${names.failed.length} failed, ${names.skipped.length} skipped`);
process.exitCode = names.failed.length === 0 ? 0 : 1;

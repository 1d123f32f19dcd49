// Adds up what script/test left in a folder: checks.tsv, and per Jest project <name>.status and <name>.json.
// Prints skips and failures by name, then the sum as the last line. Exit code 1 if anything failed.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

// A suite that was run a second time (<name>@again) counts as it went then; what passed only then is named as unsteady.
// With --failed-files REPORT: only prints the files of that report in which something failed.
if (process.argv[2] === '--failed-files') {
  const report = process.argv[3];
  const suites = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')).testResults : [];
  for (const suite of suites.filter((one) => one.status === 'failed')) console.log(suite.name);
  process.exit(0);
}

const folder = process.argv[2];
const read = (name) => readFileSync(path.join(folder, name), 'utf8');
const names = { passed: [], failed: [], skipped: [] };
const unsteady = [];

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
const reportOf = (label) =>
  existsSync(path.join(folder, `${label}.json`)) ? JSON.parse(read(`${label}.json`)).testResults : [];
const hasFailed = (suite) =>
  suite.status === 'failed' || suite.assertionResults.some((test) => test.status === 'failed');
const failedTests = (suite) =>
  suite.assertionResults.filter((test) => test.status === 'failed').map((test) => test.fullName);

for (const file of readdirSync(folder).filter((name) => name.endsWith('.status') && !name.endsWith('@again.status'))) {
  const project = path.basename(file, '.status');
  const again = `${project}@again`;
  const repeated = existsSync(path.join(folder, `${again}.status`));
  const status = Number(read(repeated ? `${again}.status` : file));
  const second = new Map(reportOf(again).map((suite) => [suite.name, suite]));
  const failedBefore = names.failed.length;
  for (const first of reportOf(project)) {
    const suite = second.get(first.name) ?? first;
    const where = `${project}: ${path.relative(process.cwd(), suite.name)}`;
    for (const test of suite.assertionResults)
      names[outcomes[test.status] ?? 'failed'].push(`${where}: ${test.fullName}`);
    if (suite.status === 'failed' && failedTests(suite).length === 0) names.failed.push(`${where}: could not be run`);
    if (suite !== first && !hasFailed(suite))
      unsteady.push(`${where}: ${failedTests(first).join('; ') || 'could not be run'}`);
  }
  // 124: stopped by the time limit. Anything else without a failed test: a leak, a crash, a missing report.
  if (status !== 0 && names.failed.length === failedBefore) {
    names.failed.push(`${project}: Jest ended with code ${status}${status === 124 ? ' (time limit)' : ''}`);
  }
}

for (const name of names.skipped) console.log(`skipped: ${name}`);
for (const name of unsteady) console.log(`unsteady, passed the second time: ${name}`);
for (const name of names.failed) console.log(`FAILED: ${name}`);
console.log(`${names.passed.length} passed, ${names.failed.length} failed, ${names.skipped.length} skipped`);
process.exitCode = names.failed.length === 0 ? 0 : 1;

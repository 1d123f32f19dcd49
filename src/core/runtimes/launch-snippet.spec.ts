import { execFileSync } from 'node:child_process';
import { launchSnippet } from './generations.service.js';

it('survives every character in values and arguments', () => {
  const nasty = `it's $HOME "quoted" \`id\` \\ \n two lines; rm -rf /`;
  const snippet = launchSnippet(
    { argv: ['printf', '%s', nasty], env: { KEY: nasty }, files: [], own: new Map() },
    '/tmp',
  );
  const script = `${snippet}\nprintf '%s|' "$KEY" "$HOME"; exec "$@"`;
  expect(execFileSync('sh', ['-c', script]).toString()).toBe(`${nasty}|/tmp|${nasty}`);
});

it('sets what comes from the agent in its own process only, and lets ours win', () => {
  const nasty = `it's $HOME "quoted" \`id\` \\ \nFLOTILLA_OWN\n'; id; '`;
  const own = new Map([
    ['OWN', nasty],
    ['LONG', 'x'.repeat(20_000)],
    ['KEY', 'not this one'],
    ['HOME', '/evil'],
  ]);
  const argv = ['sh', '-c', 'printf "%s|" "$OWN" "${#LONG}" "$KEY" "$HOME"; cat <&9'];
  const snippet = launchSnippet({ argv, env: { KEY: 'ours' }, files: [], own }, '/tmp');
  const script = `${snippet}\nprintf '%s|' "\${OWN-unset}" "\${own-unset}"; exec "$@"`;
  const output = execFileSync('sh', ['-c', `(${script}) 2>&1; true`]).toString();
  expect(output.replace(/\|[^|]*$/, '|')).toBe(`unset|unset|${nasty}|20000|ours|/tmp|`);
  expect(output).toMatch(/bad file descriptor|Bad file descriptor/i);
});

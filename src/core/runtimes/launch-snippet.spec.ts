import { execFileSync } from 'node:child_process';
import { launchSnippet } from './generations.service.js';

it('survives every character in values and arguments', () => {
  const nasty = `it's $HOME "quoted" \`id\` \\ \n two lines; rm -rf /`;
  const snippet = launchSnippet({ argv: ['printf', '%s', nasty], env: { KEY: nasty }, files: [] }, '/tmp');
  const script = `${snippet}\nprintf '%s|' "$KEY" "$HOME"; exec "$@"`;
  expect(execFileSync('sh', ['-c', script]).toString()).toBe(`${nasty}|/tmp|${nasty}`);
});

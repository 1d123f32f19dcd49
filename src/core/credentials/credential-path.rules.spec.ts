import { clashIn, pathProblem } from './credential-path.rules.js';

describe('where a credential may be put', () => {
  it.each([
    '.env',
    '.mcp.json',
    '.credentials.enc',
    '.config/gcloud/application_default_credentials.json',
    '.config/gcloud/configurations/config_default',
    '.kube/config',
    '.ssh/id_ed25519',
    '.ssh/id_rsa.pub',
    'server.pem',
    'certs/deep/down/tls.KEY',
    'a.crt',
    'a.cert',
    'a.p12',
    'a.pfx',
    'my key.pem',
    'schlüssel.pem',
  ])('%s may', (path) => {
    expect(pathProblem(path)).toBeNull();
  });

  it.each([
    '',
    '/',
    '/etc/passwd',
    '/home/developer/.env',
    '../x',
    '..',
    '.',
    'a/../.env',
    './.env',
    '.env/',
    'a//b.pem',
    'a/./b.pem',
    '..\\x.pem',
    'a\\b.pem',
    'a\0.pem',
    'a\n.pem',
    'a\u007f.pem',
    `${'x'.repeat(252)}.pem`,
    `${'x/'.repeat(600)}a.pem`,
    '.bashrc',
    '.profile',
    '.zshenv',
    'sub/.bashrc',
    '.config/fish/config.fish',
    '.config/fish/x.pem',
    '.config/systemd/user/x.key',
    '.config/environment.d/x.key',
    '.CONFIG/Fish/x.key',
    'CLAUDE.md',
    'AGENTS.md',
    '.claude/settings.json',
    '.claude/x.pem',
    'project/.claude/x.pem',
    '.codex/x.pem',
    '.config/opencode/x.key',
    '.mcp.json.template',
    '.ssh/authorized_keys',
    '.ssh/config',
    '.ssh/x.pem',
    '.ssh/id_',
    '.ssh/id_rsa/x.pem',
    '.SSH/x.pem',
    '.git/x.pem',
    'project/.git/hooks/x.key',
    '.gitconfig',
    'bin/x.pem',
    '.local/bin/x.key',
    '.config/gcloud',
    '.kube/config.d/x',
    '.kube',
    'sub/.env',
    'sub/.mcp.json',
    '.env.local',
    '.netrc',
    'notes.txt',
    '.pem',
    'pem',
    'a.pem.sh',
    '~/.env',
    '$HOME/.env',
  ])('%j may not', (path) => {
    expect(pathProblem(path)).not.toBeNull();
  });

  it('repeats nothing of a refused path', () => {
    expect(pathProblem('a-secret-typed-as-a-path')).not.toContain('secret-typed');
  });

  it.each<[string[], string | null]>([
    [['.env', 'a.pem'], null],
    [['a.pem', 'a.pem/b.key'], 'a.pem/b.key'],
    [['x/a.key/b/c.pem', 'x/a.key'], 'x/a.key/b/c.pem'],
    [['x/a.key', 'x/a.keys/b.pem'], null],
  ])('%j clash at %s', (paths, expected) => {
    expect(clashIn(paths)).toBe(expected);
  });
});

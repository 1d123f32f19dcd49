import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { templateFrom } from '../../core/library/template.rules.js';
import { DiskTemplateFolders } from './template-folders.js';

describe('template folders', () => {
  const own = mkdtempSync(path.join(tmpdir(), 'templates-'));
  const folders = new DiskTemplateFolders(own);
  const write = (name: string, text: string): void => {
    mkdirSync(path.dirname(path.join(own, name)), { recursive: true });
    writeFileSync(path.join(own, name), text);
  };
  const paths = async (name: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const file of folders.files(name)) found.push(file.path);
    return found;
  };
  afterAll(() => {
    rmSync(own, { recursive: true });
  });

  it('offers what is shipped, and all of it is valid', async () => {
    const shipped = new DiskTemplateFolders(null);
    const names = await shipped.names();
    expect(names).toEqual(['business-assistant', 'default']);
    for (const name of names) templateFrom({ source: 'local', name }, (await shipped.document(name)) ?? '');
  });

  it('adds its own, which win, and leaves out what has no template.yaml', async () => {
    write('mine/template.yaml', 'name: mine');
    write('default/template.yaml', 'name: my own default');
    write('nothing/readme.md', '');
    write('.hidden/template.yaml', 'name: hidden');
    expect(await folders.names()).toEqual(['business-assistant', 'default', 'mine']);
    expect(await folders.document('default')).toBe('name: my own default');
    expect(await new DiskTemplateFolders(path.join(own, 'missing')).names()).toEqual(['business-assistant', 'default']);
  });

  it('follows no link and leaves history out', async () => {
    write('linked/template.yaml', 'name: linked');
    write('linked/sub/a.txt', 'a');
    write('linked/.git/config', 'secret');
    symlinkSync('/etc', path.join(own, 'linked', 'etc'));
    symlinkSync('/etc/passwd', path.join(own, 'linked', 'passwd'));
    expect(await paths('linked')).toEqual(['sub/a.txt', 'template.yaml']);
    symlinkSync('/etc', path.join(own, 'outside'));
    symlinkSync(path.join(own, 'mine'), path.join(own, 'again'));
    expect([await folders.document('outside'), await folders.document('again')]).toEqual([null, null]);
  });

  it.each(['..', '../mine', 'a/../mine', '/etc', 'missing', '', '.hidden', 'mine/', 'a\0b'])(
    '%j is none',
    async (name) => {
      expect(await folders.document(name)).toBeNull();
      await expect(paths(name)).rejects.toThrow('template not found');
    },
  );

  it('refuses files that are too large', async () => {
    write('huge/template.yaml', 'name: huge');
    writeFileSync(path.join(own, 'huge', 'big.bin'), Buffer.alloc(11 * 2 ** 20));
    await expect(paths('huge')).rejects.toThrow('larger than 10 MB');
  });
});

import { type HomeLayout, plainHome } from '../../src/core/instances/engine.port.js';
import type { EngineFixture } from './engine-fixture.js';

/** What the port promises of homes that are more than a plain folder, or that the engine says it cannot. */
export function describeHomeLayout(given: () => EngineFixture): void {
  describe('home layout', () => {
    const exposing = (owner: string): HomeLayout => ({ shared: [{ owner, path: 'shared-out' }], writable: null });
    const consuming = (owner: string): HomeLayout => ({ shared: [{ owner, path: 'shared-in/first' }], writable: null });
    const sh = async (ref: string, script: string): Promise<[number | null, string]> => {
      const { stdout, code } = await given().exec(ref, { argv: ['sh', '-c', `cd; ${script}`], user: 'developer' });
      return [code, stdout.toString()];
    };

    it('is plain unless something else is asked for', async () => {
      expect((await given().running()).layout).toEqual(plainHome);
    });

    it('refuses what it is not able to do', async () => {
      const { engine } = given();
      const { sharedFolders, closedHome } = engine.abilities;
      const ask = (layout: HomeLayout) => engine.create({ ...given().spec(), layout });
      const unsupported = { name: 'EngineError', fault: 'unsupported' };
      if (!sharedFolders) await expect(ask(exposing('x'))).rejects.toMatchObject(unsupported);
      if (!closedHome) await expect(ask({ shared: [], writable: [] })).rejects.toMatchObject(unsupported);
    });

    it('has folders that two instances write, which last as long as whom they belong to', async () => {
      const { engine } = given();
      if (!engine.abilities.sharedFolders) return;
      const owner = given().spec().instanceId;
      const first = await given().runningWith(exposing(owner), owner);
      expect(first.layout).toEqual(exposing(owner));
      expect(
        await sh(first.ref, 'mkdir shared-out/d && echo one >shared-out/d/a; ls -ld shared-out | cut -d" " -f3'),
      ).toEqual([0, 'developer\n']);

      // What the agent puts in the way of a mount is set aside, and nothing is mounted elsewhere.
      const other = await given().running();
      expect(await sh(other.ref, 'ln -s /opt shared-in; echo kept >mine; ls -d shared-in')).toEqual([0, 'shared-in\n']);
      await engine.remove(other.instanceId, { volumes: false });
      const second = await given().runningWith(consuming(owner), other.instanceId);
      expect(second.layout).toEqual(consuming(owner));
      const read =
        'cat mine shared-in/first/d/a; echo two >shared-in/first/b; ls /opt | grep -c first; readlink shared-in.before-*';
      expect(await sh(second.ref, read)).toEqual([0, 'kept\none\n0\n/opt\n']);
      expect(await sh(first.ref, 'cat shared-out/b')).toEqual([0, 'two\n']);

      // Between two starts of one container, too.
      await sh(second.ref, 'mv shared-in elsewhere; ln -s /opt shared-in');
      await engine.stop(second.ref, 8);
      await engine.start(second.ref);
      expect(await sh(second.ref, 'cat shared-in/first/b; ls /opt | grep -c first')).toEqual([1, 'two\n0\n']);

      await engine.remove(owner, { volumes: true });
      expect(await sh(second.ref, 'cat shared-in/first/b')).toEqual([0, 'two\n']);
      await engine.remove(second.instanceId, { volumes: true });
      await engine.remove(owner, { volumes: true });
      const left = (await engine.listVolumes()).map((volume) => volume.instanceId);
      expect(left).not.toContain(owner);
      expect(left).not.toContain(second.instanceId);
    });

    it('is closed for writing but for some folders', async () => {
      const { engine } = given();
      if (!engine.abilities.closedHome) return;
      const before = await given().running();
      await sh(before.ref, 'echo a >a.py; mkdir deep; ln -s /opt deep/store; ln -s /etc content');
      await engine.remove(before.instanceId, { volumes: false });
      const layout: HomeLayout = { shared: [], writable: ['content', 'deep/store'] };
      const one = await given().runningWith(layout, before.instanceId);
      expect(one.layout).toEqual(layout);
      const attempts = ['echo x >x.py', 'echo x >>a.py', 'rm a.py', 'mv a.py b', 'mv content c', 'mkdir deep/new'];
      for (const attempt of attempts) expect((await sh(one.ref, `${attempt} 2>&1`))[0]).not.toBe(0);
      expect(
        await sh(
          one.ref,
          'echo x >content/x.py && echo y >deep/store/y && cat a.py content/x.py; ls /etc/x.py /opt/y | wc -l',
        ),
      ).toEqual([0, 'a\nx\n0\n']);
      await engine.remove(one.instanceId, { volumes: false });
      const open = await given().runningWith(plainHome, one.instanceId);
      expect(await sh(open.ref, 'echo b >>a.py && cat a.py content/x.py deep/store/y')).toEqual([0, 'a\nb\nx\ny\n']);
    });
  });
}

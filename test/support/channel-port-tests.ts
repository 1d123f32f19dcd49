import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Channel } from '../../src/core/instances/channel.port.js';
import type { EngineInstance } from '../../src/core/instances/engine.port.js';
import type { EngineFixture } from './engine-fixture.js';
import { until } from './until.js';

/** The promises of the `Channel` port, asked over a real engine. */
export function describeChannel(fixture: () => EngineFixture): void {
  describe('channel', () => {
    let fleet: EngineFixture;
    let one: EngineInstance;
    let channel: Channel;
    let root: Channel;
    beforeAll(async () => {
      fleet = fixture();
      one = await fleet.running();
      channel = await fleet.developer(one);
      root = await fleet.root(one);
    });
    const sh = (script: string) => channel.run({ argv: ['sh', '-c', script] });
    const fault = (name: string) => expect.objectContaining({ name: 'ChannelError', fault: name }) as Error;

    it('writes, reads, lists and removes files', async () => {
      await channel.ping();
      await channel.write('home', 'a/b/hello.txt', 'hello', { mode: 0o640, sync: true });
      const { data, size, mode, modifiedAt } = await channel.read('home', 'a/b/hello.txt');
      expect([data.toString(), size, mode]).toEqual(['hello', 5, 0o640]);
      expect(Math.abs(Date.now() - modifiedAt.getTime())).toBeLessThan(600_000);
      expect((await channel.read('home', 'a/b/hello.txt', { offset: 1, length: 3 })).data.toString()).toBe('ell');

      await channel.mkdir('home', 'a/empty', 0o700);
      await channel.mkdir('home', 'a/empty', 0o700);
      await sh('ln -s /etc "$HOME/a/link"; mkfifo "$HOME/a/pipe"');
      const listed = (await channel.list('home', 'a')).map(({ name, kind }) => `${kind} ${name}`).sort();
      expect(listed).toEqual(['directory b', 'directory empty', 'link link', 'other pipe']);
      expect(await channel.list('home', 'a', 2)).toHaveLength(2);
      expect(await channel.stat('home', 'a/empty')).toMatchObject({ name: 'empty', kind: 'directory', mode: 0o700 });
      expect(await channel.stat('home', '')).toMatchObject({ kind: 'directory' });

      await channel.remove('home', 'a/empty');
      await channel.remove('home', 'a/link');
      await channel.remove('home', 'a/b/hello.txt');
      await expect(channel.read('home', 'a/b/hello.txt')).rejects.toEqual(fault('not_found'));
      await expect(channel.remove('home', 'a')).rejects.toEqual(fault('failed'));
    });

    it('carries names and contents of any bytes', async () => {
      const name = `naïve – 日本 \n "$(x)" '.txt`;
      const data = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
      await channel.write('home', `odd/${name}`, data);
      expect((await channel.list('home', 'odd')).map((file) => file.name)).toEqual([name]);
      expect((await channel.read('home', `odd/${name}`)).data.equals(data)).toBe(true);
    });

    it('writes 100 MB in pieces, and shows nothing before the end', async () => {
      const data = randomBytes(100 * 2 ** 20);
      await channel.write('home', 'large.bin', 'before');
      const writing = channel.write('home', 'large.bin', data);
      expect((await channel.read('home', 'large.bin')).data.toString()).toBe('before');
      await writing;
      const sum = (await sh('sha256sum "$HOME/large.bin"; ls -A "$HOME"')).stdout.toString();
      expect(sum.split(' ')[0]).toBe(createHash('sha256').update(data).digest('hex'));
      expect(sum).not.toContain('~');
      expect((await channel.read('home', 'large.bin', { offset: 5 })).data.length).toBe(2 ** 20);
      await channel.remove('home', 'large.bin');
    });

    it.each([
      ['../escape', 'outside'],
      ['a/../../escape', 'outside'],
      ['/etc/passwd', 'outside'],
      ['a\0b', 'outside'],
      ['trap/passwd', 'link_refused'],
      ['trap/deeper/passwd', 'link_refused'],
      ['passwd', 'link_refused'],
      ['pipe', 'not_a_file'],
      ['folder', 'is_a_directory'],
      ['plain/below', 'not_a_directory'],
      ['absent', 'not_found'],
      ['x'.repeat(300), 'too_large'],
    ])('refuses to read %j: %s', async (path, expected) => {
      await sh(
        'cd; mkdir -p folder; touch plain; ln -sfn /etc trap; ln -sfn /etc/passwd passwd; [ -p pipe ] || mkfifo pipe',
      );
      await expect(channel.read('home', path)).rejects.toEqual(fault(expected));
    });

    it('replaces a link or FIFO under the target, and never writes through a link in the path', async () => {
      await sh('cd; mkdir -p victim; echo safe >victim/file; ln -sfn victim/file target; ln -sfn victim inside');
      await channel.write('home', 'target', 'new');
      await expect(channel.write('home', 'inside/file', 'bad')).rejects.toEqual(fault('link_refused'));
      await expect(channel.write('home', 'victim', 'bad')).rejects.toEqual(fault('is_a_directory'));
      await expect(channel.mkdir('home', 'inside/made')).rejects.toEqual(fault('link_refused'));
      await expect(channel.remove('home', 'inside/file')).rejects.toEqual(fault('link_refused'));
      await expect(channel.list('home', 'inside')).rejects.toEqual(fault('link_refused'));
      expect((await sh('cd; cat victim/file target; ls victim')).stdout.toString()).toBe('safe\nnewfile\n');
    });

    it('lands inside even while a folder and a link are swapped', async () => {
      const outside = `/tmp/outside-${randomUUID()}`;
      // renameat2 with RENAME_EXCHANGE: `d` is a folder or a link at any moment, never absent
      const swap = `my $call = (POSIX::uname())[4] eq "aarch64" ? 276 : 316;
        my ($d, $link) = qw(d link);
        until (-e "stop") { syscall($call, -100, $d, -100, $link, 2) == 0 or die "cannot exchange: $!" }`;
      const prepare = `mkdir -p ${outside}; cd; mkdir -p race/d; cd race; ln -s ${outside} link`;
      const swapping = channel.run({
        argv: ['sh', '-c', `${prepare}; exec perl -MPOSIX -e '${swap}'`],
        timeoutMs: 60_000,
      });
      await until('the swapping has begun', () => channel.stat('home', 'race/link').catch(() => false));
      const met = new Set<string>();
      for (let round = 0; round < 1500; round += 1) {
        const done = channel.write('home', 'race/d/file', 'x').then(() => 'written');
        met.add(await done.catch((error: unknown) => (error as { fault: string }).fault));
      }
      await channel.write('home', 'race/stop', '');
      const swapped = await swapping;
      expect([swapped.exitCode, swapped.stderr.toString()]).toEqual([0, '']);
      expect((await sh(`ls -A ${outside}; rm -rf ${outside}`)).stdout.toString()).toBe('');
      // Which of the two a refusal was is asked a moment later, and may have changed by then.
      expect([...met]).toEqual(expect.arrayContaining(['link_refused', 'written']));
      expect(['link_refused', 'not_a_directory', 'written']).toEqual(expect.arrayContaining([...met]));
    });

    it('keeps journal and spool from the developer', async () => {
      const [mine, theirs] = [await channel.run({ argv: ['id', '-u'] }), await root.run({ argv: ['id', '-u'] })];
      if (mine.stdout.equals(theirs.stdout)) return; // an engine that cannot switch users says so in its warnings
      for (const path of ['want', 'gen/1/launch', '']) {
        await expect(channel.read('run', path)).rejects.toEqual(fault('denied'));
      }
    });

    describe('run', () => {
      it('gives output, errors, exit code, environment and input', async () => {
        const script = 'cat; echo "$GIVEN" >&2; pwd; exit 7';
        const request = { argv: ['sh', '-c', script], stdin: 'in;', env: { GIVEN: 'a b' }, cwd: '/tmp' };
        const { exitCode, stdout, stderr, cut } = await channel.run(request);
        expect([exitCode, stdout.toString(), stderr.toString(), cut]).toEqual([7, 'in;/tmp\n', 'a b\n', false]);
        expect((await channel.run({ argv: ['pwd'] })).stdout.toString()).toBe(
          `${fleet.engine.pathOf(one.ref, 'home')}\n`,
        );
        expect((await channel.run({ argv: ['no-such-program'] })).exitCode).toBe(127);
      });

      it('cuts a flood, drops unread input, ends what takes too long or is aborted', async () => {
        const flood = await channel.run({ argv: ['yes'], maxOutputBytes: 100_000 });
        expect([flood.stdout.length, flood.cut]).toEqual([100_000, true]);
        expect((await channel.run({ argv: ['true'], stdin: Buffer.alloc(3 * 2 ** 20) })).exitCode).toBe(0);

        const slow = channel.run({ argv: ['sh', '-c', 'sleep 987 & sleep 987'], timeoutMs: 300 });
        await expect(slow).rejects.toEqual(fault('timeout'));
        const stop = new AbortController();
        const aborted = channel.run({ argv: ['sleep', '987'], signal: stop.signal });
        stop.abort(new Error('enough'));
        await expect(aborted).rejects.toThrow('enough');
        const left =
          'for p in /proc/[0-9]*; do tr "\\0" " " <"$p/cmdline" 2>/dev/null; echo; done | grep -c "^sleep 987"';
        await until('nothing is left', async () => (await sh(left)).stdout.toString() === '0\n');
      });

      it('runs many at once', async () => {
        const each = Array.from({ length: 30 }, (_, at) => sh(`sleep 0.2; echo ${at}`));
        const said = (await Promise.all(each)).map((result) => result.stdout.toString());
        expect(said).toEqual(Array.from({ length: 30 }, (_, at) => `${at}\n`));
      });
    });

    it('rings a FIFO that somebody reads', async () => {
      await root.run({ argv: ['mkfifo', 'bell'], cwd: fleet.engine.pathOf(one.ref, 'run') });
      expect(await root.ring('run', 'bell')).toBe(false);
      const reading = root.run({
        argv: ['sh', '-c', 'read -r _ <bell && echo rung'],
        cwd: fleet.engine.pathOf(one.ref, 'run'),
      });
      await until('somebody reads', () => root.ring('run', 'bell'));
      expect((await reading).stdout.toString()).toBe('rung\n');
      expect(await root.ring('run', 'absent')).toBe(false);
    });

    it('signals every process of an exec by its id, and no other', async () => {
      const [id, other] = [randomUUID(), randomUUID()];
      const elsewhere = { argv: ['sleep', '985'], user: 'developer', env: { FLOTILLA_EXEC: other } } as const;
      const bystander = await fleet.engine.exec(one.ref, elsewhere);
      bystander.stdout.resume();
      await until('the other one runs', async () => (await channel.signal(other, 'NONE')) > 0);
      const request = {
        argv: ['sh', '-c', 'sleep 986 & sleep 986'],
        user: 'developer',
        env: { FLOTILLA_EXEC: id },
      } as const;
      const handle = await fleet.engine.exec(one.ref, request);
      handle.stdout.resume();
      await until('it runs', async () => (await sh('cat /proc/[0-9]*/environ 2>/dev/null')).stdout.includes(id));
      await until('all are signalled', async () => (await channel.signal(id, 'TERM')) > 0);
      expect(await handle.exited).toBe(143);
      await until('nothing is left', async () => (await channel.signal(id, 'KILL')) === 0);
      handle.close();
      expect(await channel.signal(other, 'NONE')).toBe(1);
      await channel.signal(other, 'TERM');
      expect(await bystander.exited).toBe(143);
      bystander.close();
    });

    describe('follow', () => {
      it('gives what is there from an offset, then what is appended, with back-pressure', async () => {
        await channel.write('home', 'tail.log', '0123456789');
        let seen = '';
        let open = (): void => undefined;
        const gate = new Promise<void>((resolve) => (open = resolve));
        const following = channel.follow('home', 'tail.log', 4, async (data) => {
          await gate;
          seen += data.toString();
        });
        await sh('cd; i=0; while [ $i -lt 200 ]; do head -c 10000 /dev/zero | tr "\\0" x; i=$((i+1)); done >>tail.log');
        open();
        await until('all has come', () => seen.length === 2_000_006);
        expect(seen.startsWith('456789xxx')).toBe(true);
        await sh('cd; printf end >>tail.log');
        await until('the last has come', () => seen.endsWith('xend'));
        following.stop();
        await following.ended;
        await sh('cd; printf more >>tail.log');
        expect(seen.endsWith('xend')).toBe(true);
      });

      it('fails when there is nothing to follow, and when the channel breaks', async () => {
        const nothing = channel.follow('home', 'nowhere', 0, () => undefined);
        await expect(nothing.ended).rejects.toEqual(fault('not_found'));
        const other = await fleet.running();
        const theirs = await fleet.developer(other);
        await theirs.write('home', 'log', 'x');
        const broken = theirs.follow('home', 'log', 0, () => undefined);
        const call = theirs.run({ argv: ['sleep', '985'] });
        fleet.channels.close(other.instanceId);
        await expect(broken.ended).rejects.toEqual(fault('closed'));
        await expect(call).rejects.toEqual(fault('closed'));
        expect(await fleet.developer(other)).not.toBe(theirs);
        await (await fleet.developer(other)).ping();
      });
    });

    it('opens one channel for callers that come together, and another after it was killed', async () => {
      const [first, second] = await Promise.all([fleet.developer(one), fleet.developer(one)]);
      expect(second).toBe(first);
      await expect(first.run({ argv: ['sh', '-c', 'kill -9 $PPID; sleep 984'] })).rejects.toEqual(fault('closed'));
      await expect(first.ping()).rejects.toEqual(fault('closed'));
      channel = await fleet.developer(one);
      await channel.ping();
    });

    it('delivers each line once and in order although its writers keep dying', async () => {
      const two = await fleet.running();
      await fleet.launch(two, 1, 'exec cat');
      const line = (n: number) =>
        `${n} ${createHash('sha256')
          .update(String(n))
          .digest('hex')
          .repeat(n % 17 ? 2 : 2000)}\n`;
      const total = 400;
      let seen = '';
      const progress = { finished: false };
      const deliver = async (): Promise<void> => {
        const hand = await fleet.root(two);
        const fed = async () => {
          const read = await hand.read('run', 'gen/1/fed').catch((error: unknown) => {
            if ((error as { fault?: string }).fault === 'not_found') return null;
            throw error;
          });
          return read ? Number(read.data.toString()) : 0;
        };
        const following = hand.follow('run', 'gen/1/journal', seen.length, (data) => void (seen += data.toString()));
        following.ended.catch(() => undefined);
        await hand.ring('run', 'gen/1/bell');
        let written = await fed();
        while (written < total) {
          const upto = Math.min(total, (await fed()) + 20);
          const numbers = Array.from({ length: Math.max(0, upto - written) }, (_, at) => written + 1 + at);
          await Promise.all(numbers.map((n) => hand.write('run', `gen/1/spool/${n}`, line(n), { mode: 0o600 })));
          written = Math.max(written, upto);
          await hand.ring('run', 'gen/1/bell');
        }
        await until('all lines are read', () => seen.split('\n').length > total);
        progress.finished = true;
        following.stop();
      };
      await until('the generation runs', async () =>
        (await fleet.root(two)).stat('run', 'gen/1/pids').catch(() => false),
      );
      let rounds = 0;
      for (; !progress.finished; rounds += 1) {
        const working = deliver().catch((error: unknown) => expect(error).toEqual(fault('closed')));
        if (rounds < 25) await until('some lines came', () => progress.finished || seen.length > rounds * 400);
        if (rounds < 25) fleet.channels.close(two.instanceId);
        await working;
      }
      expect(rounds).toBeGreaterThan(5);
      expect(seen).toBe(Array.from({ length: total }, (_, at) => line(at + 1)).join(''));
    });
  });
}

import { type Bench, expectRight, interleave, type Row, type Take } from '../core/bench.js';
import { load } from '../core/load.js';
import { Client } from '../core/product.js';
import { seedStopped } from '../core/seed.js';

const name = 'stopped-00001';

/** What knowing the caller costs: the same route, with and without the check of the credential. */
export const authCost: Bench = {
  id: 'P6b',
  title: 'auth cost',
  async run(world, scale) {
    const rows: Row[] = [];
    for (const database of world.databases) {
      const product = await world.product({ engine: 'local', database });
      await seedStopped(product, 10);
      for (const dialect of world.dialects) {
        const client = await Client.of(product, dialect);
        const user = await product.ask<{ token: string }>('user', {
          username: `auth-${Date.now().toString(36)}`,
          dialect: dialect.name,
        });
        await product.sql(
          `update agents set (owner_id, org_id) = (select id, personal_org_id from users order by created_at desc limit 1)
           where slug = '${name}'`,
        );
        const { path } = dialect.read(await client.agent(name));
        const requests = dialect.takesLogins ? scale.pick(600, 3000) : scale.pick(400, 1000);
        const take = async (token: string, off: boolean): Promise<Take> => {
          await product.ask('guards', { off });
          const before = await product.usage();
          const right = (status: number, body: string): boolean =>
            status === 200 && dialect.isAgent(JSON.parse(body), name);
          const headers = dialect.headers(token);
          const done = await load({ port: product.port, path, headers, connections: 4, requests, right });
          const { cpuMs } = await product.usage();
          expectRight(done.errors === 0, `${done.errors} of ${requests} answers`);
          return { ...done, cpuMs: cpuMs - before.cpuMs };
        };
        const keys = [['API key', user.token]] as const;
        for (const [kind, token] of dialect.takesLogins ? ([['JWT', client.token], ...keys] as const) : keys) {
          const takes = await interleave(scale.rounds, {
            reference: () => take(token, true),
            product: () => take(token, false),
          });
          await product.ask('guards', { off: false });
          rows.push({
            id: 'P6b',
            what: `check of a ${kind}, ${dialect.name}, ${database}`,
            reference: 'same route, caller known beforehand',
            unit: 'ms',
            bars: [{ measure: 'cpu', of: 'added', sense: 'most', limit: 0.06 }],
            product: takes.product,
            referenceTakes: takes.reference,
            notes: [],
          });
        }
        await product.sql(
          `update agents set (owner_id, org_id) = (select id, personal_org_id from users where username = 'admin')
           where slug = '${name}'`,
        );
      }
    }
    return rows;
  },
};

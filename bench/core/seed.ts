import type { Product } from './product.js';

/** Makes up stopped agents of the administrator, until there are `count`: `stopped-00001` ... Every tenth has the tag `tenth`. */
export async function seedStopped(product: Product, count: number): Promise<void> {
  const owner = `(select id from users where username = 'admin')`;
  const org = `(select personal_org_id from users where username = 'admin')`;
  const named = `'stopped-' || lpad(n::text, 5, '0')`;
  const from = `from generate_series(1, $1::int) n where not exists (select 1 from agents a where a.slug = ${named})`;
  await product.sql(
    `insert into agents (id, org_id, owner_id, slug, display_name, type, runtime, cpu, memory, approvals, tags,
       created_at, updated_at)
     select gen_random_uuid(), ${org}, ${owner}, ${named}, ${named}, 'business-assistant', 'scripted', '2', '4g', 'auto',
       case when n % 10 = 0 then '["tenth"]'::jsonb else '[]'::jsonb end, now(), now() ${from}`,
    [count],
  );
  await product.sql(
    `insert into instances (id, agent_id, desired, state, state_since, created_at)
     select gen_random_uuid(), a.id, 'stopped', 'stopped', now(), now() from agents a
     where not exists (select 1 from instances i where i.agent_id = a.id)`,
  );
  await product.sql('analyze agents').catch(() => undefined);
  await product.sql('analyze instances').catch(() => undefined);
}

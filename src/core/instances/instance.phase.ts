import type { Instance } from './instance.entity.js';
import type { InstanceState } from './instance.lifecycle.js';

/**
 * Where an instance stands for people who command it: one that rests only because it is just being started (again) is on
 * its way. One that ended by itself rests until its next attempt, and may be started or stopped meanwhile.
 */
export const phaseOf = ({ state, desired, retryAt }: Pick<Instance, 'state' | 'desired' | 'retryAt'>): InstanceState =>
  (state === 'stopped' || state === 'stopping') && desired === 'running' && retryAt === null ? 'provisioning' : state;

/** The same in a query. @param i alias of `instances` */
export const phaseSql = (i: string): string =>
  `(case when ${i}.state in ('stopped', 'stopping') and ${i}.desired = 'running' and ${i}.retry_at is null
     then 'provisioning' else ${i}.state end)`;

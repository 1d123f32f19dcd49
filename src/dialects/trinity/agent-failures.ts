import { Upstream } from '../../core/errors/domain-error.js';
import { fromOutside } from '../../core/errors/outside.js';

type Verb = 'create' | 'start' | 'stop' | 'rename' | 'delete';

/**
 * Rewords what the engine could not do as this API documents it. Clients of `create` know one sentence by heart: there the
 * reason is beside it. Other errors pass.
 */
export async function worded<T>(verb: Verb, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    const error = fromOutside(thrown) ?? thrown;
    if (!(error instanceof Upstream)) throw error;
    const { code, message: reason } = error;
    if (verb !== 'create') throw new Upstream(`Failed to ${verb} agent: ${reason}`, code, { cause: thrown });
    throw new Upstream('Failed to create agent. Please try again.', code, { cause: thrown, details: { reason } });
  }
}

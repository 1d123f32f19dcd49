import { Upstream } from '../../core/errors/domain-error.js';
import { fromOutside } from '../../core/errors/outside.js';

type Verb = 'create' | 'start' | 'stop' | 'rename' | 'delete';

/** Rewords what the engine could not do as this API documents it: its sentence first, then the reason. Other errors pass. */
export async function worded<T>(verb: Verb, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    const error = fromOutside(thrown) ?? thrown;
    if (!(error instanceof Upstream)) throw error;
    throw new Upstream(sentence(verb, error.message), error.code, { cause: thrown });
  }
}

function sentence(verb: Verb, reason: string): string {
  if (verb !== 'create') return `Failed to ${verb} agent: ${reason}`;
  return `Failed to create agent. Please try again. ${reason.charAt(0).toUpperCase()}${reason.slice(1)}`;
}

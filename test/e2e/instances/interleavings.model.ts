/** What one agent's name may be asked, one after the other: the words of the model that answers are compared with. */
export interface Asked {
  readonly what: 'start' | 'stop' | 'rename' | 'delete' | 'create';
  readonly target: string;
  /** Of a rename. */
  readonly fresh: string;
}

export interface Answered extends Asked {
  readonly status: number;
  /** What an error said. */
  readonly detail: string;
}

/** Agents by name. */
export type Fleet = Readonly<Record<string, 'running' | 'stopped'>>;

/** What the command does when nobody else asks anything: its status, and the fleet after it. */
function alone({ what, target, fresh }: Asked, fleet: Fleet): { status: number; after: Fleet } {
  const refused = (status: number) => ({ status, after: fleet });
  const { [target]: state, ...rest } = fleet;
  if (what === 'create') return state ? refused(409) : { status: 200, after: { ...rest, [target]: 'running' } };
  if (!state) return refused(404);
  if (what === 'delete') return { status: 200, after: rest };
  if (what === 'start') return { status: 200, after: { ...rest, [target]: 'running' } };
  if (what === 'stop') return { status: 200, after: { ...rest, [target]: 'stopped' } };
  if (fresh === target) return refused(400);
  return fresh in fleet ? refused(409) : { status: 200, after: { ...rest, [fresh]: 'stopped' } };
}

/** Who may have overtaken a command that was answered so. */
const overtakers: Readonly<Record<string, readonly Asked['what'][]>> = {
  deleted: ['delete'],
  started: ['start'],
  stopped: ['stop', 'rename'],
  renamed: ['rename'],
};

/** A command that says it was overtaken did what it does and was undone, or did nothing; and somebody did overtake it. */
function overtaken({ status, detail, ...asked }: Answered, all: readonly Answered[]): boolean {
  const [, how = ''] = /^The agent was (\w+) meanwhile$/.exec(detail) ?? [];
  return (
    status === 409 &&
    all.some((other) => other.target === asked.target && overtakers[how]?.includes(other.what) === true)
  );
}

/** Whether some order of the commands explains every answer and what is there afterwards. */
export function isExplained(before: Fleet, answers: readonly Answered[], after: Fleet): boolean {
  const wanted = textOf(after);
  const goOn = (fleet: Fleet, left: readonly Answered[]): boolean => {
    if (left.length === 0) return textOf(fleet) === wanted;
    return left.some((one, index) => {
      const others = left.toSpliced(index, 1);
      const done = alone(one, fleet);
      if (overtaken(one, answers)) {
        return goOn(fleet, others) || (done.status === 200 && goOn(done.after, others));
      }
      return done.status === one.status && goOn(done.after, others);
    });
  };
  return goOn(before, answers);
}

const textOf = (fleet: Fleet): string => JSON.stringify(Object.entries(fleet).sort());

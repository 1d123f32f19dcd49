import { type Dialect, dialects, namesakes, outside, siblings } from './expected/siblings.js';
import { isAboutOne, type Role, roles, type Row, type Target, targets } from './expected/words.js';

/** No real answer: it shows that the row let somebody through. */
const passed = 299;

interface Asked {
  readonly dialect: Dialect;
  readonly route: string;
  readonly row: Row;
}

/** What a row says to somebody, whatever the state of the agent would make of it. */
function verdict({ dialect, row }: Asked, role: Role, target: Target): 'allowed' | 'refused' | 'hidden' {
  const status = dialects[dialect].expected({ ...row, ok: passed }, role, target);
  if (status < 300) return 'allowed';
  return status === 404 ? 'hidden' : 'refused';
}

const rowOf = (dialect: Dialect, route: string): Row | undefined =>
  (dialects[dialect].rows as Readonly<Record<string, Row>>)[route];

const names = Object.keys(dialects) as Dialect[];
const routesOf = (what: string): Asked[] =>
  names.flatMap((dialect) =>
    (siblings[what]?.[dialect] ?? []).flatMap((route) => {
      const row = rowOf(dialect, route);
      return row ? [{ dialect, route, row }] : [];
    }),
  );

describe('S2: routes that do the same ask for the same right', () => {
  it('every route of the table is one that has a row', () => {
    const unknown = Object.values(siblings).flatMap((group) =>
      names.flatMap((dialect) => (group[dialect] ?? []).filter((route) => !rowOf(dialect, route))),
    );
    expect(unknown).toEqual([]);
  });

  it.each(Object.keys(siblings))('%s', (what) => {
    const asked = routesOf(what);
    expect(asked.length).toBeGreaterThan(1);
    const unlike: string[] = [];
    for (const target of asked.some(({ row }) => isAboutOne(row)) ? targets : (['own'] as const)) {
      for (const role of roles) {
        const said = asked.map((one) => ({
          ...one,
          verdict: verdict(one, role, target),
          inside: !outside[one.dialect](role, target, one.route),
        }));
        const wanted = said.filter(({ inside }) => inside);
        const may = wanted.some((one) => one.verdict === 'allowed');
        const told = (one: (typeof said)[number]): void => {
          const others = wanted.map((other) => `${other.route} ${other.verdict}`).join(', ');
          unlike.push(`${role} on ${target}: ${one.route} ${one.verdict}, but ${others}`);
        };
        for (const one of wanted) if ((one.verdict === 'allowed') !== may) told(one);
        // Somebody from outside gets no more than they would elsewhere; an address of a page is a right of its own.
        for (const one of said)
          if (!one.inside && one.dialect !== 'talk' && one.verdict === 'allowed' && !may) told(one);
        // What a dialect hides it hides by all of its routes: one that refuses would tell that the thing is there.
        for (const dialect of names) {
          const words = new Set(wanted.filter((one) => one.dialect === dialect).map((one) => one.verdict));
          if (words.size > 1) unlike.push(`${role} on ${target}: ${dialect} says ${[...words].join(' and ')}`);
        }
      }
    }
    expect(unlike).toEqual([]);
  });

  it('what nobody has, nobody reaches; what may not be known is hidden wherever that is promised', () => {
    for (const what of Object.keys(siblings)) {
      for (const one of routesOf(what).filter(({ row }) => isAboutOne(row))) {
        for (const role of roles) {
          for (const target of ['unknown', 'deleted'] as const) {
            expect({ ...one, role, got: verdict(one, role, target) }).not.toMatchObject({ got: 'allowed' });
          }
          const foreign = verdict(one, role, 'foreign');
          const known = role === 'stranger' && one.dialect !== 'trinity' && one.dialect !== 'talk';
          if (known) expect({ ...one, foreign }).toEqual({ ...one, foreign: 'hidden' });
        }
      }
    }
  });

  it('routes of several dialects with one verb and one last word are siblings, or known to be none', () => {
    const all = names.flatMap((dialect) => Object.keys(dialects[dialect].rows).map((route) => ({ dialect, route })));
    const lastWord = (route: string): string | undefined => /^(\w+) .*\/(\w[\w-]*)$/.exec(route)?.slice(1).join(' ');
    const together = (one: string, other: string): boolean =>
      Object.values(siblings).some((group) => {
        const routes = Object.values(group).flat();
        return routes.includes(one) && routes.includes(other);
      });
    const different = (one: string, other: string): boolean =>
      namesakes.some(([a, b]) => (a === one && b === other) || (a === other && b === one));
    const pairs = all.flatMap((one, n) =>
      all
        .slice(n + 1)
        .filter((other) => other.dialect !== one.dialect && lastWord(one.route) === lastWord(other.route))
        .filter(() => lastWord(one.route) !== undefined)
        .map((other) => [one.route, other.route] as const),
    );
    expect(pairs.filter(([one, other]) => !together(one, other) && !different(one, other))).toEqual([]);
    expect(namesakes.filter(([a, b]) => together(a, b))).toEqual([]);
  });
});

/** `script/chaos` asks for the numbers of the whole list; `script/test` for a few of each. */
export const full = process.env.FLOTILLA_CHAOS === 'full';

/** Rounds of a scenario. FLOTILLA_CHAOS_ROUNDS wins over both. */
export const roundsOf = (quick: number, whole: number): number[] => {
  const wanted = Number(process.env.FLOTILLA_CHAOS_ROUNDS ?? (full ? whole : quick));
  return Array.from({ length: wanted }, (_, index) => index + 1);
};

/** Tells what a round struck. One that struck nothing proves nothing, so it fails. */
export function report(scenario: string, struck: readonly string[], outcome: string): void {
  process.stdout.write(`${scenario}: struck ${struck.length === 0 ? 'NOTHING' : summary(struck)}; ${outcome}\n`);
  expect(struck.length).toBeGreaterThan(0);
}

function summary(struck: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const one of struck) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts].map(([what, count]) => (count > 1 ? `${count} x ${what}` : what)).join(', ');
}

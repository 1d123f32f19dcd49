/**
 * Items of several sources as they come. It is pulled: of each source at most one item waits for a slow reader. Ends when one
 * source ends, or the reader leaves; `leave` is called then, and must make the others end.
 */
export async function* merged<T>(
  sources: readonly AsyncGenerator<T, void, undefined>[],
  leave: () => void,
): AsyncGenerator<T, void, undefined> {
  const next = async (place: number): Promise<{ place: number; step: IteratorResult<T, void> }> => ({
    place,
    step: (await sources[place]?.next()) ?? { done: true, value: undefined },
  });
  const asked = sources.map((_, place) => next(place));
  try {
    for (;;) {
      const { place, step } = await Promise.race(asked);
      if (step.done) return;
      yield step.value;
      asked[place] = next(place);
    }
  } finally {
    leave();
    await Promise.allSettled([...asked, ...sources.map((source) => source.return())]);
  }
}

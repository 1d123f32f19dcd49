/**
 * Wraps a load so that many wishes become few calls: it runs `delay` ms after the first wish, never twice at once, and
 * once more if a wish came while it ran.
 */
export function gathered(load, delay) {
  let timer = null;
  let running = false;
  let again = false;
  let ended = false;

  const run = async () => {
    timer = null;
    running = true;
    await load().catch(() => undefined);
    running = false;
    if (again) wish();
  };
  function wish() {
    if (ended) return;
    again = running;
    if (!running) timer ??= setTimeout(() => void run(), delay);
  }
  return {
    wish,
    end() {
      ended = true;
      again = false;
      clearTimeout(timer);
    },
  };
}

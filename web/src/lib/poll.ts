/** What a poll needs of the page; tests replace it. */
export interface PollPage {
  readonly hidden: boolean;
  /** onShown calls back whenever the page becomes visible, until the returned function is called. */
  onShown(callback: () => void): () => void;
}

const browserPage: PollPage = {
  get hidden() {
    return document.visibilityState === 'hidden';
  },
  onShown(callback) {
    const listener = () => document.visibilityState === 'visible' && callback();
    document.addEventListener('visibilitychange', listener);
    return () => document.removeEventListener('visibilitychange', listener);
  },
};

/** A running poll. */
export interface Poll {
  /** now asks at once instead of at the end of the present wait. */
  now(): void;
  /** stop ends the poll and aborts a question under way. */
  stop(): void;
}

/**
 * poll calls ask at once and then again after the milliseconds that it returned.
 * At most one ask runs at a time. A hidden page does not ask; it asks at once when shown again.
 * ask must not reject.
 */
export function poll(ask: (signal: AbortSignal) => Promise<number>, page: PollPage = browserPage): Poll {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = false;
  let due = false; // asked for while asking, or while hidden

  const run = async () => {
    clearTimeout(timer);
    if (abort.signal.aborted) return;
    if (asking || page.hidden) {
      due = true;
      return;
    }
    asking = true;
    due = false;
    const waitMS = await ask(abort.signal);
    asking = false;
    if (abort.signal.aborted) return;
    timer = setTimeout(run, due ? 0 : waitMS);
  };
  const forget = page.onShown(() => {
    if (due) void run();
  });

  void run();
  return {
    now: () => void run(),
    stop: () => {
      abort.abort();
      clearTimeout(timer);
      forget();
    },
  };
}

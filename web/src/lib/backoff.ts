/** How a waiting time grows from one attempt to the next. */
export interface Backoff {
  firstMS: number;
  factor: number;
  maxMS: number;
}

/** Share of the delay by which it is made longer or shorter at random, so that viewers do not ask in step. */
const jitter = 0.25;

/**
 * delayMS returns how long to wait before attempt number attempt, counted from 0.
 * random returns a number in [0, 1).
 */
export function delayMS(attempt: number, backoff: Backoff, random: () => number = Math.random): number {
  const plain = Math.min(backoff.maxMS, backoff.firstMS * backoff.factor ** Math.max(0, attempt));
  return Math.round(plain * (1 - jitter + 2 * jitter * random()));
}

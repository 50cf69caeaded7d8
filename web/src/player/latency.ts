/** Below this many seconds behind the newest frame a viewer counts as watching live. */
export const liveWithinS = 4;

/** Share of a new sample in the smoothed latency. */
const weight = 0.25;

/** Differences beyond this are a jump, which smoothing would only hide. */
const jumpS = 2;

/**
 * smooth returns the latency to show, in seconds, after sample: it calms the
 * sawtooth that arriving parts make, and follows a seek at once.
 * previous is null at the start.
 */
export function smooth(previous: number | null, sample: number): number {
  if (previous === null || Math.abs(sample - previous) > jumpS) return sample;
  return previous + weight * (sample - previous);
}

/** How long a viewer who follows the live edge may be late before the player jumps to it. */
const patienceMS = 2000;

/**
 * Follower decides when a player that has fallen behind jumps back to the live edge.
 * A viewer who paused or seeked is behind by will, and is left alone until release.
 */
export class Follower {
  #held = false;
  #lateSinceMS: number | null = null;

  /** held says whether the viewer has chosen to be behind. */
  get held(): boolean {
    return this.#held;
  }

  /** hold is called when the viewer pauses or seeks back. */
  hold(): void {
    this.#held = true;
    this.#lateSinceMS = null;
  }

  /** release is called when the viewer goes to the live edge. */
  release(): void {
    this.#held = false;
    this.#lateSinceMS = null;
  }

  /** shouldJump takes one latency sample, in seconds, at nowMS. */
  shouldJump(nowMS: number, latencyS: number): boolean {
    if (this.#held || latencyS <= liveWithinS) {
      this.#lateSinceMS = null;
      return false;
    }
    this.#lateSinceMS ??= nowMS;
    if (nowMS - this.#lateSinceMS < patienceMS) return false;
    this.#lateSinceMS = null;
    return true;
  }
}

import type { Event, State } from './machine';

/**
 * How long a stream that broke off without an end may be unknown to the server before it counts as over:
 * a server that restarts knows nothing until its publisher is back.
 */
const patienceMS = 15_000;

/** Outage turns the API's word on whether a channel is live into events of the watch page. */
export class Outage {
  #goneSinceMS: number | null = null;
  #played = false;

  /** entered is called with each new state. */
  entered(state: State): void {
    if (state === 'playing') this.#played = true;
    else if (state !== 'reconnecting') this.#played = false;
    this.#goneSinceMS = null;
  }

  /** event returns what an answer means in state at nowMS, or null when it is too early to say. */
  event(state: State, live: boolean, nowMS: number): Event | null {
    if (live) {
      this.#goneSinceMS = null;
      return 'live';
    }
    if (state !== 'reconnecting' || !this.#played) return 'notLive';
    this.#goneSinceMS ??= nowMS;
    return nowMS - this.#goneSinceMS < patienceMS ? null : 'finished';
  }
}

import { ApiError, channel as fetchChannel, type Channel } from '../lib/api';
import { delayMS, type Backoff } from '../lib/backoff';
import { poll, type Poll } from '../lib/poll';
import { next, type Event, type State } from '../player/machine';
import { Outage } from '../player/outage';

/** Waits between two questions about the channel, by what the page shows. */
const waits: Record<State, Backoff> = {
  connecting: { firstMS: 3000, factor: 1.3, maxMS: 10_000 },
  playing: { firstMS: 15_000, factor: 1, maxMS: 15_000 },
  reconnecting: { firstMS: 1500, factor: 1.4, maxMS: 10_000 },
  offline: { firstMS: 3000, factor: 1.15, maxMS: 15_000 },
  ended: { firstMS: 3000, factor: 1.15, maxMS: 15_000 },
  error: { firstMS: 10_000, factor: 1.3, maxMS: 60_000 },
  missing: { firstMS: 10_000, factor: 1.5, maxMS: 120_000 },
};

/** Watch is what one watch page knows of its channel: the last answer of the API and the present state. */
export class Watch {
  state = $state<State>('connecting');
  channel = $state.raw<Channel | null>(null);
  /** Called when the API says that the channel is live, so that a waiting player tries again at once. */
  onLive: (() => void) | undefined;

  readonly #slug: string;
  readonly #outage = new Outage();
  #poll: Poll | undefined;
  #asked = 0; // questions since the state last changed

  constructor(slug: string) {
    this.#slug = slug;
  }

  /** start asks about the channel until the returned function is called. */
  start(): () => void {
    this.#poll = poll((signal) => this.#ask(signal));
    return this.#poll.stop;
  }

  readonly send = (event: Event): void => {
    const before = this.state;
    this.state = next(before, event);
    if (this.state === before) return;
    this.#asked = 0;
    this.#outage.entered(this.state);
    // How an interruption goes on depends on whether the channel is still live.
    if (this.state === 'reconnecting' && event === 'stalled') this.#poll?.now();
  };

  async #ask(signal: AbortSignal): Promise<number> {
    try {
      this.channel = await fetchChannel(this.#slug, signal);
      const event = this.#outage.event(this.state, this.channel.live, performance.now());
      if (event) this.send(event);
      if (this.channel.live) this.onLive?.();
    } catch (err) {
      this.send(err instanceof ApiError && err.status === 404 ? 'missing' : 'unreachable');
    }
    return delayMS(this.#asked++, waits[this.state]);
  }
}

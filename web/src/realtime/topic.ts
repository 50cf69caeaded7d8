import type { Subscription } from 'centrifuge';
import { callErrorFrom, type CallError } from './problem';
import type { AnyEvent, EventType, Events } from './protocol';

/** What a page does with what happens on a topic. */
export interface Listener {
  /** By type. Types without one are passed over. */
  on?: { [T in EventType]?: (data: Events[T]) => void };
  /** Called with every event. */
  onEvent?(event: AnyEvent): void;
  /**
   * Called when events may have been missed: what is shown is to be loaded again by REST.
   * Who hears it spreads the load by a random wait of some seconds.
   */
  onGap?(): void;
  /** Called when the subscription has begun, and each time that it has begun again. */
  onSubscribed?(): void;
  /** Called when it has ended and will not come back by itself. */
  onEnd?(why: CallError): void;
}

/** tell hands an event to a listener. */
export function tell(listener: Listener, value: unknown): void {
  if (typeof value !== 'object' || value === null || typeof (value as AnyEvent).type !== 'string') return;
  const event = value as AnyEvent;
  if (event.type === 'realtime.gap') listener.onGap?.();
  const handler = listener.on?.[event.type] as ((data: unknown) => void) | undefined;
  handler?.(event.data);
  listener.onEvent?.(event);
}

/** Shared is a subscription, and all parts of the page that listen to it. */
export class Shared {
  readonly #listeners = new Set<Listener>();
  #subscribed = false;

  constructor(readonly subscription: Subscription) {
    subscription.on('publication', (ctx) => this.#each((l) => tell(l, ctx.data)));
    subscription.on('subscribed', (ctx) => {
      this.#subscribed = true;
      if (ctx.wasRecovering && !ctx.recovered) this.#each((l) => l.onGap?.());
      this.#each((l) => l.onSubscribed?.());
    });
    subscription.on('subscribing', () => (this.#subscribed = false));
    subscription.on('unsubscribed', (ctx) => {
      this.#subscribed = false;
      if (ctx.code === 0) return; // by the page
      const err = callErrorFrom(ctx.code < 1000 ? { code: ctx.code, message: ctx.reason } : { code: 403, message: 'no_access' });
      this.#each((l) => l.onEnd?.(err));
    });
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  add(listener: Listener): void {
    this.#listeners.add(listener);
    if (this.#subscribed) listener.onSubscribed?.();
  }

  remove(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  #each(call: (listener: Listener) => void): void {
    for (const listener of [...this.#listeners]) call(listener);
  }
}

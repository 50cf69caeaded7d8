import type { Realtime } from '../realtime';
import { Observable } from '../realtime/observable';
import { Call, type CallOptions } from './call';
import type { Ringing, Seat } from './protocol';

/** Calls is how a page makes and takes calls. */
export class Calls {
  /** Calls that ring for whoever is signed in. */
  readonly ringing = new Observable<readonly Ringing[]>([]);
  /** A participant of the same person that a page before this one, or another device, has left. */
  readonly elsewhere = new Observable<string | null>(null);

  readonly #socket: Realtime;
  readonly #options: CallOptions;
  readonly #stop: () => void;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(socket: Realtime, options: CallOptions = {}) {
    this.#socket = socket;
    this.#options = options;
    this.#stop = socket.mine({
      on: {
        'call.ringing': (r) => this.#rings(r),
        'call.stopped': ({ call }) => this.#silence(call),
      },
      onSubscribed: () => void this.#look(),
      onGap: () => void this.#look(),
    });
  }

  /** start calls a friend by their name. A refusal is a CallError: not_friends, callee_busy, … */
  async start(to: string, local: MediaStream | null): Promise<Call> {
    return this.#sit(await this.#socket.call('call.start', { to, video: shows(local) }), local);
  }

  /** accept takes a call. One that another device was first to take is a CallError call_answered. */
  async accept(call: string, local: MediaStream | null): Promise<Call> {
    const seat = await this.#socket.call('call.accept', { call });
    this.#silence(call);
    return this.#sit(seat, local);
  }

  async reject(call: string): Promise<void> {
    this.#silence(call);
    await this.#socket.call('call.reject', { call });
  }

  async cancel(call: string): Promise<void> {
    await this.#socket.call('call.cancel', { call });
  }

  /** join takes part in the call of a party. */
  async join(party: string, local: MediaStream | null): Promise<Call> {
    return this.#sit(await this.#socket.call('call.join', { party, video: shows(local) }), local);
  }

  /** resume takes a call over that was begun at another device, or by this page before it was loaded. */
  async resume(participant: string, local: MediaStream | null): Promise<Call> {
    const seat = await this.#socket.call('call.resume', { participant });
    this.elsewhere.set(null);
    return this.#sit(seat, local);
  }

  /** close ends listening. Calls go on. */
  close(): void {
    this.#stop();
    this.#timers.forEach((timer) => clearTimeout(timer));
    this.#timers.clear();
  }

  #sit(seat: Seat, local: MediaStream | null): Call {
    return new Call(this.#socket, seat, local, this.#options);
  }

  /** #look asks what rings: before this page was there, or while it was away. */
  async #look(): Promise<void> {
    try {
      const now = await this.#socket.call('call.current', undefined);
      const rings = new Set(now.ringing.map((r) => r.call.id));
      for (const r of this.ringing.value) if (!rings.has(r.call.id)) this.#silence(r.call.id);
      now.ringing.forEach((r) => this.#rings(r));
      this.elsewhere.set(now.participant !== undefined && !now.here ? now.participant : null);
    } catch {
      // Nobody is signed in, or the socket is gone again: it comes back.
    }
  }

  #rings(r: Ringing): void {
    if (this.#timers.has(r.call.id)) return;
    const leftMS = Date.parse(r.call.rings_until ?? '') - this.#socket.clock.nowMS();
    // The server says when it is over. Where that gets lost, it ends all the same.
    const timer = setTimeout(() => this.#silence(r.call.id), Number.isFinite(leftMS) ? Math.max(leftMS, 0) + 5000 : 60_000);
    this.#timers.set(r.call.id, timer);
    this.ringing.set([...this.ringing.value, r]);
  }

  #silence(call: string): void {
    clearTimeout(this.#timers.get(call));
    this.#timers.delete(call);
    this.ringing.set(this.ringing.value.filter((r) => r.call.id !== call));
  }
}

function shows(stream: MediaStream | null): boolean {
  return (stream?.getVideoTracks().length ?? 0) > 0;
}

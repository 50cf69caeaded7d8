import type { Listener } from '../realtime';
import type { Methods } from '../realtime/protocol';
import { ServerClock } from './clock';
import type { Media } from './media';
import type { Done, NamedItem, PartyState, Snapshot } from './protocol';
import { Sync } from './sync';

/** What a party needs of the socket; Realtime has it. */
export interface Socket {
  call<M extends keyof Methods>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']>;
  topic(name: `party:${string}`, listener: Listener): () => void;
}

export interface PartyOptions {
  /** Called with the party as a whole: at first, and when events may have been missed. */
  onSnapshot?: (snapshot: Snapshot) => void;
  /** Called when what plays is about to change; the player changes at its instant. */
  onState?: (state: PartyState) => void;
  /** Called when it has changed. */
  onEffect?: (state: PartyState) => void;
  onBlocked?: () => void;
  /** Gets all further events of the party. */
  listener?: Listener;
}

/** Party is one that the page takes part in: what plays there, and what its player does about it. */
export class Party {
  readonly id: string;
  readonly clock: ServerClock;
  readonly #socket: Socket;
  readonly #options: PartyOptions;
  #sync: Sync | null = null;
  #latest: PartyState | null = null;
  #leave: (() => void) | null = null;

  constructor(socket: Socket, id: string, options: PartyOptions = {}) {
    this.#socket = socket;
    this.id = id;
    this.#options = options;
    this.clock = new ServerClock(async () => (await socket.call('clock', undefined)).now / 1000);
  }

  /** What plays, as far as it is known; it may be about to take effect. */
  get latest(): PartyState | null {
    return this.#latest;
  }

  get sync(): Sync | null {
    return this.#sync;
  }

  /** open begins to listen, until close. */
  open(): void {
    this.clock.start();
    const own: Listener = {
      ...this.#options.listener,
      on: {
        ...this.#options.listener?.on,
        'party.snapshot': (snapshot) => this.#snapshot(snapshot),
        'party.state': (state) => this.#hear(state),
      },
      onGap: () => {
        this.#options.listener?.onGap?.();
        void this.refresh();
      },
    };
    this.#leave = this.#socket.topic(`party:${this.id}`, own);
  }

  close(): void {
    this.#leave?.();
    this.#leave = null;
    this.detach();
    this.clock.stop();
  }

  /** attach has a media element play what the party does. What it has as its source is for the page to see to. */
  attach(media: Media, dateOffsetS?: () => number | null): void {
    this.detach();
    this.#sync = new Sync({
      media,
      time: this.clock,
      ...(dateOffsetS && { dateOffsetS }),
      report: (report) => void this.#socket.call('party.ready', { party: this.id, ...report }).catch(() => undefined),
      onEffect: (state) => this.#options.onEffect?.(state),
      onBlocked: () => this.#options.onBlocked?.(),
    });
    if (this.#latest) this.#sync.hear(this.#latest);
    this.#sync.start();
  }

  detach(): void {
    this.#sync?.stop();
    this.#sync = null;
  }

  /** refresh asks for the whole party again. */
  async refresh(): Promise<void> {
    this.#snapshot(await this.#socket.call('party.state', { party: this.id }));
  }

  play(): Promise<Done> {
    return this.#socket.call('party.play', { party: this.id });
  }

  pause(): Promise<Done> {
    return this.#socket.call('party.pause', { party: this.id });
  }

  seek(position: number): Promise<Done> {
    return this.#socket.call('party.seek', { party: this.id, position });
  }

  /** skip seeks by so many seconds, unless somebody else has moved meanwhile. */
  skip(by: number): Promise<Done> {
    return this.#socket.call('party.seek', { party: this.id, by, seq: this.#latest?.seq ?? 0 });
  }

  rate(rate: number): Promise<Done> {
    return this.#socket.call('party.rate', { party: this.id, rate });
  }

  load(item: NamedItem, position?: number): Promise<Done> {
    return this.#socket.call('party.load', { party: this.id, item, ...(position !== undefined && { position }) });
  }

  /** next goes on to what is first in the queue, once for all who ask. */
  next(): Promise<Done> {
    return this.#socket.call('party.next', { party: this.id, seq: this.#latest?.seq ?? 0 });
  }

  #snapshot(snapshot: Snapshot): void {
    this.#options.onSnapshot?.(snapshot);
    this.#hear(snapshot.state);
  }

  #hear(state: PartyState): void {
    if (this.#latest && state.seq < this.#latest.seq) return;
    const known = this.#latest?.item;
    // What not everybody may see is told to each alone: it stays what it was, or is asked for.
    if (state.item?.private && known?.id === state.item.id && !known.private) state = { ...state, item: known };
    this.#latest = state;
    this.#options.onState?.(state);
    if (state.item?.private) void this.refresh().catch(() => undefined);
    else this.#sync?.hear(state);
  }
}

import { CallError, type Realtime } from '../realtime';
import { Observable } from '../realtime/observable';
import { Peer } from './peer';
import type { CallInfo, Media, PeerInfo, Person, Seat, Signal } from './protocol';

/** What a Call needs of the socket. */
export type Socket = Pick<Realtime, 'call' | 'topic'>;

/** How a Call is to be. */
export interface CallOptions {
  /** Part of the configuration of connections, such as iceTransportPolicy. */
  config?: RTCConfiguration;
  /** Returns new ICE servers when those of the seat have expired. */
  iceServers?: () => Promise<{ ice_servers: RTCIceServer[]; expires_at: string }>;
  /** Makes a connection; RTCPeerConnection if absent. */
  connect?: (config: RTCConfiguration) => RTCPeerConnection;
}

/** Somebody else in a call. */
export interface Other {
  participant: string;
  user: Person;
  here: boolean;
  media: Media | null;
  peer: Peer;
}

interface Known extends Other {
  session: string;
  /** Whether it was there yet: what is told to who has never been there gets lost. */
  hasBegun: boolean;
}

/** Credentials that are good for less than this are renewed ahead of a restart. */
const renewMS = 5 * 60_000;

/** How often, and after which time, a signal is sent again that could not be delivered. */
const tries = 4;
const againMS = 700;

async function askICEServers(): Promise<{ ice_servers: RTCIceServer[]; expires_at: string }> {
  const response = await fetch('/api/v1/calls/ice-servers', { method: 'POST' });
  if (!response.ok) throw new Error(`ice servers: ${response.status}`);
  return (await response.json()) as { ice_servers: RTCIceServer[]; expires_at: string };
}

/**
 * Call is a call that this page takes part in, from its seat to its end. It comes through a socket
 * that is lost and comes back: what is heard and seen goes on meanwhile, and a way to the others is
 * looked for anew then.
 */
export class Call {
  readonly info: Observable<CallInfo>;
  readonly others = new Observable<readonly Other[]>([]);
  /** Why it is over for this page; null while it is not. */
  readonly over = new Observable<string | null>(null);
  readonly participant: string;

  readonly #socket: Socket;
  readonly #options: CallOptions;
  readonly #others = new Map<string, Known>();
  readonly #leaveTopic: () => void;
  #ice: { servers: RTCIceServer[]; expires: number };
  #local: MediaStream | null;
  #media: Media;
  #wasThere = false;

  constructor(socket: Socket, seat: Seat, local: MediaStream | null, options: CallOptions = {}) {
    this.#socket = socket;
    this.#options = options;
    this.#local = local;
    this.info = new Observable(seat.call);
    this.participant = seat.participant;
    this.#ice = { servers: seat.ice_servers, expires: Date.parse(seat.ice_expires) };
    this.#media = { participant: seat.participant, ...shownOf(local), screen: false };
    this.#leaveTopic = socket.topic(seat.topic, {
      on: {
        'call.state': (s) => void this.#state(s),
        'call.peer': (p) => this.#upsert(p),
        'call.left': ({ participant }) => this.#remove(participant),
        'call.signal': ({ from, ...signal }) => void this.#others.get(from)?.peer.receive(signal as Signal),
        'call.media': (m) => this.#showMedia(m),
        'call.ended': ({ outcome }) => this.#end(outcome),
        'call.moved': () => this.#end('moved'),
      },
      onEnd: (why) => this.#end(why.code),
    });
  }

  /** setLocal sends another stream, such as one of a screen. */
  setLocal(stream: MediaStream | null, screen = false): void {
    this.#local = stream;
    for (const other of this.#others.values()) if (other.hasBegun) other.peer.send(stream);
    this.#tellMedia({ ...this.#media, ...shownOf(stream), screen });
  }

  /** mute switches what is heard or seen of this page off, and on again. */
  mute(kind: 'audio' | 'video', muted: boolean): void {
    for (const track of this.#local?.getTracks() ?? []) {
      if (track.kind === kind) track.enabled = !muted;
    }
    this.#tellMedia({ ...this.#media, ...shownOf(this.#local) });
  }

  /** hangUp leaves the call. The local stream stays whoever's it is. */
  async hangUp(): Promise<void> {
    this.#end('left');
    await this.#socket.call('call.leave', { participant: this.participant });
  }

  /** #state takes in how the call is: when this page has come, and each time that it has come back. */
  async #state(s: { call: CallInfo; peers: PeerInfo[] }): Promise<void> {
    const isBack = this.#wasThere;
    this.#wasThere = true;
    this.info.set(s.call);
    const known = new Set(this.#others.keys());
    for (const peer of s.peers) {
      this.#upsert(peer);
      known.delete(peer.participant);
    }
    known.forEach((gone) => this.#remove(gone));
    if (!isBack) return;
    await this.#renewICE();
    for (const other of this.#others.values()) other.peer.restart(this.#config());
    this.#tellMedia(this.#media);
  }

  #upsert(p: PeerInfo): void {
    if (this.over.value !== null) return;
    let other = this.#others.get(p.participant);
    if (other && other.session !== p.session) {
      other.peer.close();
      other = undefined;
    }
    if (!other) {
      const peer = new Peer({
        offers: p.offers,
        polite: p.polite,
        config: this.#config(),
        send: (signal) => this.#signal(p.participant, signal),
        ...(this.#options.connect && { connect: this.#options.connect }),
      });
      other = { participant: p.participant, user: p.user, here: false, session: p.session, hasBegun: false, media: null, peer };
      this.#others.set(p.participant, other);
      this.info.set({ ...this.info.value, state: 'active' });
    }
    if (p.here && !other.here) {
      if (other.hasBegun) other.peer.repeat();
      else other.peer.send(this.#local);
      other.hasBegun = true;
      this.#tellMedia(this.#media);
    }
    other.here = p.here;
    this.#show();
  }

  #remove(participant: string): void {
    this.#others.get(participant)?.peer.close();
    if (this.#others.delete(participant)) this.#show();
  }

  #showMedia(m: Media): void {
    const other = this.#others.get(m.participant);
    if (!other) return;
    other.media = m;
    this.#show();
  }

  #show(): void {
    this.others.set([...this.#others.values()]);
  }

  #end(why: string): void {
    if (this.over.value !== null) return;
    this.#leaveTopic();
    this.over.set(why);
    for (const other of this.#others.values()) other.peer.close();
    this.#others.clear();
    this.#show();
  }

  #tellMedia(m: Media): void {
    this.#media = m;
    if (this.over.value === null) this.#socket.call('call.media', m).catch(() => undefined);
  }

  #config(): RTCConfiguration {
    return { iceServers: this.#ice.servers, ...this.#options.config };
  }

  async #renewICE(): Promise<void> {
    if (this.#ice.expires - Date.now() > renewMS) return;
    try {
      const fresh = await (this.#options.iceServers ?? askICEServers)();
      this.#ice = { servers: fresh.ice_servers, expires: Date.parse(fresh.expires_at) };
    } catch {
      // Those that there are may do.
    }
  }

  async #signal(to: string, signal: Signal): Promise<void> {
    for (let i = 0; i < tries && this.over.value === null; i++) {
      try {
        await this.#socket.call('call.signal', { ...signal, participant: this.participant, to });
        return;
      } catch (err) {
        // Either the server cannot now, or this page is on its way back to its topic.
        if (!(err instanceof CallError && (err.isTemporary || err.code === 'not_subscribed'))) return;
        await new Promise((resolve) => setTimeout(resolve, Math.max(err.retryAfterMS, againMS)));
      }
    }
  }
}

/** shownOf returns what of a stream can be heard and seen. */
function shownOf(stream: MediaStream | null): { audio: boolean; video: boolean } {
  const has = (kind: string) => stream?.getTracks().some((t) => t.kind === kind && t.enabled) ?? false;
  return { audio: has('audio'), video: has('video') };
}

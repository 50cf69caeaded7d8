import { Observable } from '../realtime/observable';
import type { Signal } from './protocol';

/** What a Peer needs. */
export interface PeerOptions {
  /** Whether this side makes the first offer. */
  offers: boolean;
  /** Whether this side takes its own offer back when both make one at once. */
  polite: boolean;
  config: RTCConfiguration;
  /** Hands a signal to the other side. What it cannot deliver is lost. */
  send: (signal: Signal) => Promise<void>;
  /** Makes a connection; RTCPeerConnection if absent. */
  connect?: (config: RTCConfiguration) => RTCPeerConnection;
}

/** An offer that is not answered in this time is sent again. */
const repeatMS = 8000;

/**
 * Peer is the connection to one other participant: "perfect negotiation" of the WebRTC
 * specification, with a first offer that only one side makes. Either may change what it sends, or
 * restart, at any time.
 */
export class Peer {
  /** What comes from the other side. */
  readonly stream = new MediaStream();
  /** Counts changes of the stream. */
  readonly tracks = new Observable(0);
  readonly state: Observable<RTCPeerConnectionState>;
  readonly connection: RTCPeerConnection;

  readonly #options: PeerOptions;
  readonly #early: RTCIceCandidateInit[] = []; // candidates that came ahead of the first description
  #mayOffer: boolean;
  #isOffering = false;
  #isTakingAnswer = false;
  #ignoresOffer = false;
  #isClosed = false;
  #again: ReturnType<typeof setTimeout> | undefined;
  #work: Promise<void> = Promise.resolve(); // signals of the other side, one after the other

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#mayOffer = options.offers;
    this.connection = options.connect?.(options.config) ?? new RTCPeerConnection(options.config);
    this.state = new Observable(this.connection.connectionState);
    const pc = this.connection;
    pc.onnegotiationneeded = () => void this.#offer();
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) void this.#options.send({ candidate: candidate.toJSON() });
    };
    pc.onconnectionstatechange = () => {
      this.state.set(pc.connectionState);
      if (pc.connectionState === 'failed') this.restart();
    };
    pc.ontrack = ({ track }) => {
      this.stream.addTrack(track);
      this.tracks.set(this.tracks.value + 1);
    };
  }

  /** send sends the tracks of a stream, in place of those that it sent before. With it begins the connection. */
  send(stream: MediaStream | null): void {
    const pc = this.connection;
    for (const kind of ['audio', 'video'] as const) {
      const track = stream?.getTracks().find((t) => t.kind === kind) ?? null;
      const line = pc.getTransceivers().find((t) => t.receiver.track.kind === kind);
      if (line) {
        void line.sender.replaceTrack(track).catch(() => undefined);
        line.direction = track ? 'sendrecv' : 'recvonly';
      } else if (track && stream) pc.addTrack(track, stream);
      else if (this.#options.offers) pc.addTransceiver(kind, { direction: 'recvonly' });
    }
  }

  /** receive takes a signal of the other side. */
  receive(signal: Signal): Promise<void> {
    this.#work = this.#work.then(() => this.#take(signal)).catch(() => undefined);
    return this.#work;
  }

  /** restart looks for a way to the other side anew, as when this side's network is another. */
  restart(config?: RTCConfiguration): void {
    if (this.#isClosed) return;
    if (config) this.connection.setConfiguration(config);
    this.connection.restartIce(); // negotiation is needed then
    this.repeat();
  }

  /** repeat sends an offer again that was not answered: it may have been lost on the way. */
  repeat(): void {
    const offer = this.connection.localDescription;
    if (this.connection.signalingState === 'have-local-offer' && offer) this.#describe(offer);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#again);
    this.connection.close();
    this.state.set('closed');
  }

  async #offer(): Promise<void> {
    if (!this.#mayOffer || this.#isClosed) return;
    this.#isOffering = true;
    try {
      await this.connection.setLocalDescription();
      const offer = this.connection.localDescription;
      // An offer that came meanwhile has taken this one back.
      if (offer?.type === 'offer') this.#describe(offer);
    } catch {
      // Closed, or the other side's offer came first: negotiation is still needed then.
    } finally {
      this.#isOffering = false;
    }
  }

  #describe(description: RTCSessionDescription): void {
    const { type, sdp } = description;
    if (type !== 'offer' && type !== 'answer') return;
    void this.#options.send({ description: { type, sdp } });
    clearTimeout(this.#again);
    if (type === 'offer') this.#again = setTimeout(() => this.repeat(), repeatMS);
  }

  async #take(signal: Signal): Promise<void> {
    if (this.#isClosed) return;
    if (signal.candidate) return this.#takeCandidate(signal.candidate);
    const pc = this.connection;
    const { description } = signal;
    const isReady = !this.#isOffering && (pc.signalingState === 'stable' || this.#isTakingAnswer);
    this.#ignoresOffer = description.type === 'offer' && !isReady && !this.#options.polite;
    if (this.#ignoresOffer) return;
    // The answer to an offer that was answered already, or taken back.
    if (description.type === 'answer' && pc.signalingState !== 'have-local-offer') return;
    this.#isTakingAnswer = description.type === 'answer';
    try {
      await pc.setRemoteDescription(description); // takes an offer of this side back, if there is one
    } finally {
      this.#isTakingAnswer = false;
    }
    this.#mayOffer = true;
    if (description.type === 'offer') {
      await pc.setLocalDescription();
      if (pc.localDescription) this.#describe(pc.localDescription);
    }
    for (const candidate of this.#early.splice(0)) await this.#takeCandidate(candidate);
  }

  async #takeCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (!this.connection.remoteDescription) {
      this.#early.push(candidate);
      return;
    }
    // One of an offer that was ignored, or of a connection before this, fits nothing.
    await this.connection.addIceCandidate(candidate).catch(() => undefined);
  }
}

/**
 * A connection for tests: the states of signalling as the WebRTC specification has them, with offers
 * that are taken back, and nothing of what goes over it.
 */
export class FakeConnection {
  signalingState: RTCSignalingState = 'stable';
  connectionState: RTCPeerConnectionState = 'new';
  localDescription: RTCSessionDescription | null = null;
  remoteDescription: RTCSessionDescription | null = null;
  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((e: { candidate: RTCIceCandidate | null }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  ontrack: ((e: { track: MediaStreamTrack }) => void) | null = null;

  readonly candidates: RTCIceCandidateInit[] = [];
  /** Offers and answers of this side that were agreed on. */
  rounds = 0;
  restarts = 0;
  #lines: { receiver: { track: { kind: string } }; sender: { replaceTrack(t: unknown): Promise<void> }; direction: string }[] = [];
  #isNeeded = false;
  #isQueued = false;
  #made = 0;

  constructor(readonly name: string) {}

  get asConnection(): RTCPeerConnection {
    return this as unknown as RTCPeerConnection;
  }

  getTransceivers(): unknown[] {
    return this.#lines;
  }

  addTrack(track: { kind: string }): void {
    this.addTransceiver(track.kind);
  }

  addTransceiver(kind: string): void {
    this.#lines.push({ receiver: { track: { kind } }, sender: { replaceTrack: async () => undefined }, direction: 'sendrecv' });
    this.need();
  }

  restartIce(): void {
    this.restarts++;
    this.need();
  }

  setConfiguration(): void {
    // Nothing goes over it.
  }

  close(): void {
    this.signalingState = 'closed';
  }

  /** need asks for negotiation, now or when the state allows it. */
  need(): void {
    this.#isNeeded = true;
    if (this.#isQueued) return;
    this.#isQueued = true;
    queueMicrotask(() => {
      this.#isQueued = false;
      if (this.#isNeeded && this.signalingState === 'stable') this.onnegotiationneeded?.();
    });
  }

  async setLocalDescription(): Promise<void> {
    await Promise.resolve(); // making one takes a while
    if (this.signalingState === 'have-remote-offer') {
      this.localDescription = describe('answer', `${this.name} answers ${this.remoteDescription?.sdp}`);
      this.#agree();
      return;
    }
    if (this.signalingState === 'closed') throw new Error('closed');
    this.localDescription = describe('offer', `${this.name} ${++this.#made}`);
    this.signalingState = 'have-local-offer';
    this.#isNeeded = false;
  }

  async setRemoteDescription(d: RTCSessionDescriptionInit): Promise<void> {
    await Promise.resolve();
    if (d.type === 'offer') {
      if (this.signalingState === 'have-local-offer') this.#isNeeded = true; // rolled back
      this.remoteDescription = describe('offer', d.sdp ?? '');
      this.signalingState = 'have-remote-offer';
      return;
    }
    if (this.signalingState !== 'have-local-offer') throw new Error(`an answer while ${this.signalingState}`);
    if (!d.sdp?.endsWith(`answers ${this.localDescription?.sdp}`)) throw new Error('an answer to another offer');
    this.remoteDescription = describe('answer', d.sdp);
    this.#agree();
  }

  async addIceCandidate(c: RTCIceCandidateInit): Promise<void> {
    if (!this.remoteDescription) throw new Error('a candidate without a description');
    this.candidates.push(c);
  }

  #agree(): void {
    this.signalingState = 'stable';
    this.rounds++;
    if (this.#isNeeded) this.need();
  }
}

function describe(type: RTCSdpType, sdp: string): RTCSessionDescription {
  return { type, sdp, toJSON: () => ({ type, sdp }) };
}

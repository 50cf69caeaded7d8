/** Calls, as they go over the socket, see docs/realtime.md. */
import type { TopicName } from '../realtime';

/** How somebody is shown to others. */
export interface Person {
  username: string;
  display_name: string;
}

export interface CallInfo {
  id: string;
  kind: 'direct' | 'party';
  state: 'ringing' | 'active' | 'ended';
  outcome?: string;
  video: boolean;
  party?: string;
  rings_until?: string;
  started_at: string;
}

/** Another participant, as this one sees it. */
export interface PeerInfo {
  participant: string;
  user: Person;
  /** Changes when another device has taken its place: the connection is made anew. */
  session: string;
  /** Whether its socket is there. Its picture may go on without. */
  here: boolean;
  /** Whether this side makes the first offer. */
  offers: boolean;
  /** Whether this side takes its own offer back when both make one at once. */
  polite: boolean;
}

/** What a device gets that takes part in a call. */
export interface Seat {
  call: CallInfo;
  participant: string;
  topic: TopicName;
  ice_servers: RTCIceServer[];
  ice_expires: string;
}

/** What one browser tells another to connect to it. */
export type Signal =
  | { description: { type: 'offer' | 'answer'; sdp: string }; candidate?: never }
  | { candidate: RTCIceCandidateInit; description?: never };

/** What of a participant can be heard and seen. */
export interface Media {
  participant: string;
  audio: boolean;
  video: boolean;
  screen: boolean;
}

export interface Ringing {
  call: CallInfo;
  from: Person;
}

type Nothing = Record<string, never>;

declare module '../realtime/protocol' {
  interface Methods {
    'call.start': { params: { to: string; video: boolean }; result: Seat };
    'call.accept': { params: { call: string }; result: Seat };
    'call.reject': { params: { call: string }; result: Nothing };
    'call.cancel': { params: { call: string }; result: Nothing };
    'call.join': { params: { party: string; video: boolean }; result: Seat };
    'call.resume': { params: { participant: string }; result: Seat };
    'call.leave': { params: { participant: string }; result: Nothing };
    'call.signal': { params: Signal & { participant: string; to: string }; result: Nothing };
    'call.media': { params: Media; result: Nothing };
    'call.current': { params: undefined; result: { ringing: Ringing[]; participant?: string; here: boolean } };
  }
  interface Events {
    'call.ringing': Ringing;
    'call.stopped': { call: string; why: string; device?: string };
    'call.party': { call: string; state: string; people: number };
    'call.state': { call: CallInfo; participant: string; peers: PeerInfo[] };
    'call.peer': PeerInfo;
    'call.left': { participant: string };
    'call.ended': { call: string; outcome: string };
    'call.moved': { participant: string };
    'call.signal': Signal & { from: string };
    'call.media': Media;
  }
}

export { Call, type CallOptions, type Other } from './call';
export { Calls } from './calls';
export { Peer } from './peer';
export type { CallInfo, Media, PeerInfo, Person, Ringing, Seat, Signal } from './protocol';

export { Bounds, ServerClock } from './clock';
export type { Media, Ranges } from './media';
export { Party, type PartyOptions, type Socket } from './party';
export * from './protocol';
export { Sync, type Options, type Time } from './sync';

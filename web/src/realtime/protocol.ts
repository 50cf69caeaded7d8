/**
 * What goes over the socket, see docs/realtime.md. Features add their methods and events by
 * declaration merging:
 *
 *     declare module '../realtime/protocol' {
 *       interface Methods { 'party.play': { params: Play; result: Party } }
 *       interface Events { 'party.state': Party }
 *     }
 */

/** Methods that can be called, by name. params is undefined for none. */
export interface Methods {
  clock: { params: undefined; result: { now: number } };
}

/** What can happen on topics, by type. */
export interface Events {
  /** Events may be missing: what is shown is to be loaded again. */
  'realtime.gap': Record<string, never>;
}

export type Method = keyof Methods;
export type EventType = keyof Events;

/** An event as it comes. */
export type AnyEvent = { [T in EventType]: { type: T; data: Events[T] } }[EventType];

/** Whose the socket is, as the server says. */
export interface User {
  id: string;
  name: string;
  role: string;
}

/** What the server says when a socket is connected. */
export interface Welcome {
  user?: User;
  /** Microseconds since 1970. */
  now: number;
}

/** A name of a topic: its kind, and what it is about. */
export type TopicName = `${string}:${string}`;

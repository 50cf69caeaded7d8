/** What goes over the socket about watch parties, see docs/sync.md. */
export interface Person {
  id: string;
  username: string;
}

export interface Item {
  id: string;
  kind: string;
  live: boolean;
  channel?: string;
  broadcast?: string;
  title?: string;
  /** Seconds. */
  duration?: number;
  /** Not everybody may see it: party.state says more to those who may. */
  private?: boolean;
  forbidden?: boolean;
}

/** What plays. */
export interface PartyState {
  seq: number;
  item?: Item;
  playing: boolean;
  /** Seconds at the instant at; of what is live since 1970. */
  position: number;
  rate: number;
  /** When it takes effect: microseconds since 1970 by the server's clock. */
  at: number;
  reason: string;
  by?: Person;
  waiting_for?: Person[];
}

export interface PartyInfo {
  id: string;
  name: string;
  host: Person;
  control: 'everyone' | 'host';
  wait_for_all: boolean;
  settings: { stall_after_ms: number; resume_buffer_ms: number; max_wait_ms: number; live_delay_ms: number };
  created_at: string;
}

export interface Member {
  id: string;
  username: string;
  display_name?: string;
  avatar_id?: string;
  joined_at: string;
  seen_at: string;
  online: boolean;
}

export interface Entry {
  id: string;
  item: Item;
  added_by?: Person;
  added_at: string;
}

export interface Message {
  id: string;
  kind: 'message' | 'system';
  by?: Person;
  body: string;
  created_at: string;
  deleted?: boolean;
}

/** All of a party, as one member sees it. */
export interface Snapshot {
  party: PartyInfo;
  state: PartyState;
  members: Member[];
  queue: Entry[];
  now: number;
}

export interface Done {
  seq: number;
  at: number;
  queued?: boolean;
}

/** What a client says of its player. */
export interface Report {
  party: string;
  seq: number;
  buffering: boolean;
  buffered_ms: number;
  position: number;
  rtt_ms: number;
}

export type NamedItem = { kind: 'channel'; channel: string } | { kind: 'broadcast'; broadcast: string };

interface One {
  party: string;
}

declare module '../realtime/protocol' {
  interface Methods {
    'party.play': { params: One; result: Done };
    'party.pause': { params: One; result: Done };
    'party.seek': { params: One & ({ position: number } | { by: number; seq: number }); result: Done };
    'party.rate': { params: One & { rate: number }; result: Done };
    'party.load': { params: One & { item: NamedItem; position?: number; paused?: boolean }; result: Done };
    'party.next': { params: One & { seq: number }; result: Done };
    'party.state': { params: One; result: Snapshot };
    'party.ready': { params: Report; result: Record<string, never> };
    'party.send': { params: One & { text: string; send_key?: string }; result: Message };
  }
  interface Events {
    'party.snapshot': Snapshot;
    'party.state': PartyState;
    'party.queue': { items: Entry[] };
    'party.member': { event: 'joined' | 'left' | 'removed' | 'online' | 'offline'; user_id: string; username?: string; member?: Member };
    'party.message': Message;
    'party.message_deleted': { id: string; by: Person };
    'party.ready': { user: Person; buffering: boolean };
    'party.changed': PartyInfo;
    'party.ended': { party: string; reason: string };
    'party.invited': { party: string; name: string; invite: string; from: Person };
  }
}

/** positionAt returns what is on the screen when the server's clock shows serverMS. */
export function positionAt(state: PartyState, serverMS: number): number {
  const passedS = (serverMS - state.at / 1000) / 1000;
  if (!state.playing || passedS <= 0) return state.position;
  const position = state.position + passedS * state.rate;
  const duration = state.item?.live ? undefined : state.item?.duration;
  return duration ? Math.min(position, duration) : position;
}

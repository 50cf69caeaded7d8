/**
 * What a watch page shows.
 *
 * - connecting: the channel is on air, the first picture is on its way
 * - playing: the picture moves, or the viewer has paused it
 * - reconnecting: it stopped moving and is being brought back
 * - offline: nobody is on air
 * - ended: the broadcast that was watched is over
 * - error: this browser cannot play it, or recovery has given up
 * - missing: no channel has this name
 */
export type State = 'connecting' | 'playing' | 'reconnecting' | 'offline' | 'ended' | 'error' | 'missing';

/**
 * What happens to a watch page. live, notLive, missing and unreachable come from asking the API;
 * progress, stalled, finished and failed from the player; retry from the viewer.
 */
export type Event =
  | 'live'
  | 'notLive'
  | 'missing'
  | 'unreachable'
  | 'progress'
  | 'stalled'
  | 'finished'
  | 'failed'
  | 'retry';

const table: Record<State, Partial<Record<Event, State>>> = {
  connecting: {
    progress: 'playing',
    notLive: 'offline',
    missing: 'missing',
    unreachable: 'reconnecting',
    finished: 'ended',
    failed: 'error',
  },
  // While the picture moves the API is not asked for permission: the end of a stream is told by its playlist.
  playing: { stalled: 'reconnecting', finished: 'ended', failed: 'error' },
  reconnecting: {
    progress: 'playing',
    notLive: 'offline',
    missing: 'missing',
    finished: 'ended',
    failed: 'error',
  },
  offline: { live: 'connecting', missing: 'missing' },
  ended: { live: 'connecting', missing: 'missing' },
  error: { retry: 'connecting', notLive: 'offline', missing: 'missing' },
  missing: { live: 'connecting', notLive: 'offline' },
};

/** next returns the state after event; an event without meaning in state changes nothing. */
export function next(state: State, event: Event): State {
  return table[state][event] ?? state;
}

/** hasPlayer says whether a player runs in state. */
export function hasPlayer(state: State): boolean {
  return state === 'connecting' || state === 'playing' || state === 'reconnecting';
}

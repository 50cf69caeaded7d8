/** Why a socket is not connected. */
export type Reason =
  | 'starting' // it was never connected
  | 'lost' // the connection broke, or the server restarts
  | 'stopped' // the page asked for it
  | 'signed_out' // the login has ended
  | 'banned'
  | 'flooding' // the page asked far too much
  | 'other_user' // a token of somebody else was shown
  | 'too_many' // sockets of this person
  | 'refused'; // anything else that will not go away by itself

/**
 * How it stands with the socket. While connecting it comes back by itself; once offline only
 * when the page connects again.
 */
export type State = { is: 'connected' } | { is: 'connecting' | 'offline'; why: Reason };

const reasonOfCode: Record<number, Reason> = {
  0: 'stopped',
  1: 'signed_out', // no new token was to be had
  3500: 'signed_out',
  3504: 'too_many',
  4500: 'signed_out',
  4501: 'banned',
  4502: 'flooding',
  4503: 'other_user',
};

/** reasonOf returns why a socket with this close code does not come back by itself. */
export function reasonOf(code: number): Reason {
  return reasonOfCode[code] ?? 'refused';
}

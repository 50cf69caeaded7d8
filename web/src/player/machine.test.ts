import { describe, expect, it } from 'vitest';
import { next, type Event, type State } from './machine';

const walk = (from: State, ...events: Event[]) => events.reduce(next, from);

describe('a watch page', () => {
  it.each<[string, State, Event[], State]>([
    ['plays once the picture moves', 'connecting', ['live', 'progress'], 'playing'],
    ['shows an outage and its end', 'playing', ['stalled'], 'reconnecting'],
    ['goes on after an outage', 'playing', ['stalled', 'live', 'progress'], 'playing'],
    ['believes the picture, not the API', 'playing', ['notLive', 'missing', 'unreachable'], 'playing'],
    ['ends with the playlist', 'playing', ['finished'], 'ended'],
    ['ends when an outage turns out to be the end', 'playing', ['stalled', 'finished'], 'ended'],
    ['plays the next broadcast', 'playing', ['finished', 'notLive', 'live', 'progress'], 'playing'],
    ['waits for a channel that is off air', 'connecting', ['notLive', 'notLive'], 'offline'],
    ['starts when an offline channel goes live', 'offline', ['live'], 'connecting'],
    ['keeps waiting when the server is away', 'offline', ['unreachable'], 'offline'],
    ['says that it tries when the first answer fails', 'connecting', ['unreachable'], 'reconnecting'],
    ['starts after a server that was away', 'connecting', ['unreachable', 'live', 'progress'], 'playing'],
    ['stays with an error until told to retry', 'connecting', ['failed', 'live', 'progress'], 'error'],
    ['retries after an error', 'error', ['retry'], 'connecting'],
    ['notices a channel that comes into being', 'missing', ['notLive', 'live'], 'connecting'],
    ['ignores frames that arrive after the end', 'ended', ['progress', 'stalled'], 'ended'],
  ])('%s', (_, from, events, want) => {
    expect(walk(from, ...events)).toBe(want);
  });
});

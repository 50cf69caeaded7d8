import { expect, it } from 'vitest';
import { next, type State } from './machine';
import { Outage } from './outage';

/** enter walks an Outage through states. */
const after = (...states: State[]) => {
  const outage = new Outage();
  states.forEach((state) => outage.entered(state));
  return outage;
};

it('gives a stream that broke off fifteen seconds to come back', () => {
  const outage = after('connecting', 'playing', 'reconnecting');
  expect([1000, 9000, 15_999, 16_000].map((t) => outage.event('reconnecting', false, t))).toEqual([
    null,
    null,
    null,
    'finished',
  ]);
});

it('counts anew once the channel was live in between', () => {
  const outage = after('connecting', 'playing', 'reconnecting');
  outage.event('reconnecting', false, 0);
  expect(outage.event('reconnecting', true, 10_000)).toBe('live');
  expect(outage.event('reconnecting', false, 20_000)).toBeNull();
});

it('calls a channel offline at once that never played here', () => {
  const outage = after('connecting', 'reconnecting');
  const event = outage.event('reconnecting', false, 0);
  expect(event && next('reconnecting', event)).toBe('offline');
});

it('forgets what played before the end', () => {
  const outage = after('playing', 'ended', 'connecting', 'reconnecting');
  expect(outage.event('reconnecting', false, 0)).toBe('notLive');
});

import { expect, it } from 'vitest';
import { ProgressWatch } from './progress';

it('sees movement, but not in the first sample', () => {
  const w = new ProgressWatch(0);
  expect([w.sample(0, 5, false), w.sample(250, 5.25, false)]).toEqual(['quiet', 'moving']);
});

it('tells of a stall once, and of a dead player every nine seconds', () => {
  const w = new ProgressWatch(0);
  w.sample(0, 5, false);
  const told = [];
  for (let t = 250; t <= 20_000; t += 250) {
    const p = w.sample(t, 5, false);
    if (p !== 'quiet') told.push([t, p]);
  }
  expect(told).toEqual([
    [1500, 'stalled'],
    [9000, 'dead'],
    [18_000, 'dead'],
  ]);
});

it('does not mind a pause', () => {
  const w = new ProgressWatch(0);
  w.sample(0, 5, false);
  expect(w.sample(60_000, 5, true)).toBe('quiet');
  expect(w.sample(61_000, 5, false)).toBe('quiet');
});

it('does not take a seek for movement', () => {
  const w = new ProgressWatch(0);
  w.sample(0, 5, false);
  w.seeked();
  expect(w.sample(250, 90, false)).toBe('quiet');
  expect(w.sample(500, 90.25, false)).toBe('moving');
});

import { describe, expect, it } from 'vitest';
import { Follower, smooth } from './latency';

describe('smooth', () => {
  it('starts with the first sample', () => expect(smooth(null, 1.3)).toBe(1.3));
  it('moves a quarter of the way', () => expect(smooth(1, 1.4)).toBeCloseTo(1.1));
  it('follows a jump at once', () => expect(smooth(1, 9)).toBe(9));
});

describe('Follower', () => {
  it('jumps after two seconds of being late, once', () => {
    const f = new Follower();
    expect([0, 1000, 1999, 2000, 2100].map((t) => f.shouldJump(t, 6))).toEqual([false, false, false, true, false]);
  });
  it('forgives a short delay', () => {
    const f = new Follower();
    f.shouldJump(0, 6);
    f.shouldJump(1500, 1);
    expect(f.shouldJump(2500, 6)).toBe(false);
  });
  it('leaves a viewer alone who paused, until back at the live edge', () => {
    const f = new Follower();
    f.hold();
    f.shouldJump(0, 40);
    expect(f.shouldJump(60_000, 100)).toBe(false);
    f.release();
    f.shouldJump(60_000, 100);
    expect(f.shouldJump(62_000, 100)).toBe(true);
  });
});

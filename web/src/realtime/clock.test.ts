import { describe, expect, it } from 'vitest';
import { better, Clock, offsetOf } from './clock';

describe('offset of a clock', () => {
  it('takes both ways to be as long', () => {
    expect(offsetOf({ sentMS: 1000, receivedMS: 1040, serverMS: 6020 })).toEqual({ offsetMS: 5000, errorMS: 20, atMS: 1040 });
  });

  it('believes the quickest answer, unless it is old', () => {
    const quick = { offsetMS: 5000, errorMS: 5, atMS: 0 };
    const slow = { offsetMS: 5030, errorMS: 50, atMS: 60_000 };
    expect(better(quick, slow, 60_000)).toBe(quick);
    expect(better(quick, { ...slow, atMS: 1_000_000 }, 1_000_000)).not.toBe(quick);
    expect(better(null, slow, 60_000)).toBe(slow);
  });

  it('measures through uneven delays', async () => {
    // The server is 5 s ahead. Answers take 10 ms there and 0 to 90 ms back.
    let now = 0;
    const back = [90, 40, 10, 70];
    const clock = new Clock(
      async () => {
        now += 10;
        const server = now + 5000;
        now += back.shift() ?? 0;
        return server;
      },
      () => now,
    );
    clock.guess(4000);
    expect(clock.nowMS()).toBe(4000);
    for (let i = 0; i < 4; i++) await clock.measure();
    expect(clock.known?.offsetMS).toBe(5000);
    expect(clock.nowMS()).toBe(now + 5000);
    expect(clock.toLocalMS(6000)).toBe(1000);
    await expect(new Clock(() => Promise.reject(new Error('lost'))).measure()).rejects.toThrow('lost');
  });
});

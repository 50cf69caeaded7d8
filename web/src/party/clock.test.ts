import { describe, expect, it } from 'vitest';
import { Bounds } from './clock';
import { numbers } from './fake-media';

describe('bounds of an offset', () => {
  it('are tightest where each way was quickest, in different probes', () => {
    const bounds = new Bounds();
    // The server is 5000 ms ahead.
    bounds.add({ sentMS: 0, serverMS: 5010, receivedMS: 110 }); // 10 there, 100 back
    bounds.add({ sentMS: 1000, serverMS: 6100, receivedMS: 1110 }); // 100 there, 10 back
    expect(bounds.offsetMS).toBe(5000);
    expect(bounds.errorMS).toBe(10);
  });

  it.each([
    [20, 10, 2],
    [150, 60, 8],
  ])('come close over a network of %i±%i ms', (meanMS, jitterMS, wantMS) => {
    const random = numbers(meanMS);
    const delay = () => meanMS + (2 * random() - 1) * jitterMS;
    for (let run = 0; run < 20; run++) {
      const bounds = new Bounds();
      let t = 0;
      for (let i = 0; i < 30; i++) {
        const sentMS = t;
        const at = sentMS + delay();
        t = at + delay();
        bounds.add({ sentMS, serverMS: at + 5000, receivedMS: t });
        t += 500;
      }
      expect(Math.abs(bounds.offsetMS - 5000)).toBeLessThan(wantMS);
      expect(bounds.rttMS).toBeGreaterThan(2 * meanMS - jitterMS);
    }
  });

  it('start over when a clock was set', () => {
    const bounds = new Bounds();
    for (let i = 0; i < 20; i++) bounds.add({ sentMS: i * 100, serverMS: i * 100 + 5010, receivedMS: i * 100 + 20 });
    bounds.add({ sentMS: 3000, serverMS: 3000 + 7010, receivedMS: 3020 });
    expect(bounds.offsetMS).toBe(7000);
    expect(bounds.count).toBe(1);
  });

  it('forget what is old', () => {
    const bounds = new Bounds();
    bounds.add({ sentMS: 0, serverMS: 5001, receivedMS: 2 });
    bounds.add({ sentMS: 100_000, serverMS: 105_050, receivedMS: 100_100 });
    expect(bounds.count).toBe(1);
  });
});

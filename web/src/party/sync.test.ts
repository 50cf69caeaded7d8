import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeMedia } from './fake-media';
import type { PartyState, Report } from './protocol';
import { Sync } from './sync';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** The server's clock is this far ahead of the page's. */
const aheadMS = 12_345;
const time = { nowMS: () => performance.now() + aheadMS, isReady: true, rttMS: 40 };

let seq = 0;
function state(change: Partial<PartyState>, inMS = 200): PartyState {
  const item = { id: 'film', kind: 'broadcast', live: false, duration: 600 };
  return { seq: ++seq, item, playing: true, position: 0, rate: 1, at: (time.nowMS() + inMS) * 1000, reason: 'test', ...change };
}

function setup(media = new FakeMedia()) {
  const reports: Omit<Report, 'party'>[] = [];
  const blocked = vi.fn();
  const sync = new Sync({ media, time, report: (r) => reports.push(r), onBlocked: blocked });
  sync.start();
  return { media, sync, reports, blocked };
}

describe('keeping to a party', () => {
  it('acts at the instant, not before', async () => {
    const { media, sync } = setup();
    sync.hear(state({ position: 10 }, 300));
    await pass(250);
    expect(media.paused).toBe(true);
    await pass(60);
    expect(media.paused).toBe(false);
    await pass(3000);
    expect(Math.abs(sync.errorS() ?? 1)).toBeLessThan(0.01);
    expect(media.currentTime).toBeCloseTo(13, 1);
  });

  it('learns how long its player takes to start', async () => {
    const { media, sync } = setup(new FakeMedia(() => 120));
    const errors: number[] = [];
    for (let i = 0; i < 6; i++) {
      sync.hear(state({ playing: false, position: 50 }));
      await pass(800);
      sync.hear(state({ position: 50 }));
      await pass(500);
      errors.push(Math.abs(sync.errorS() ?? 1));
      await pass(500);
    }
    expect(errors[0]).toBeGreaterThan(0.06);
    expect(errors[5]).toBeLessThan(0.03);
    expect(media.seeks).toBeLessThan(12);
  });

  it('bends the rate for small errors and seeks for large ones', async () => {
    const { media, sync } = setup();
    sync.hear(state({ position: 10 }));
    await pass(2000);
    const seeks = media.seeks;
    media.currentTime += 0.1; // a hiccup
    await pass(200);
    expect(media.playbackRate).toBeLessThan(1);
    expect(media.playbackRate).toBeGreaterThanOrEqual(0.95);
    await pass(5000);
    expect(Math.abs(sync.errorS() ?? 1)).toBeLessThan(0.01);
    expect(media.playbackRate).toBe(1);
    expect(media.seeks).toBe(seeks + 1);
    media.currentTime -= 5;
    await pass(3000);
    expect(media.seeks).toBe(seeks + 3);
    expect(Math.abs(sync.errorS() ?? 1)).toBeLessThan(0.01);
  });

  it('follows a player whose clock drifts without a seek', async () => {
    const { media, sync } = setup(new FakeMedia(undefined, undefined, 300));
    sync.hear(state({}));
    await pass(1000);
    const seeks = media.seeks;
    for (let i = 0; i < 60; i++) {
      await pass(1000);
      expect(Math.abs(sync.errorS() ?? 1)).toBeLessThan(0.012);
    }
    expect(media.seeks).toBe(seeks);
  });

  it('stops where all stop, and goes where all go', async () => {
    const { media, sync } = setup(
      new FakeMedia(
        () => 40,
        () => 90,
      ),
    );
    sync.hear(state({ position: 10 }));
    await pass(3000);
    sync.hear(state({ playing: false, position: 13.02 }));
    await pass(1000);
    expect(media.paused).toBe(true);
    expect(Math.abs(media.currentTime - 13.02)).toBeLessThanOrEqual(0.02);
    sync.hear(state({ position: 300, rate: 1.5 }));
    await pass(3000);
    expect(media.playbackRate).toBeCloseTo(1.5, 2);
    expect(Math.abs(sync.errorS() ?? 1)).toBeLessThan(0.02);
    expect(media.currentTime).toBeGreaterThan(303);
  });

  it('lets what is over be over', async () => {
    const { media, sync } = setup();
    sync.hear(state({ position: 598 }));
    await pass(3000);
    const seeks = media.seeks;
    expect(media.ended).toBe(true);
    await pass(3000);
    expect(media.seeks).toBe(seeks);
  });

  it('passes over what is older than what it knows', async () => {
    const { media, sync } = setup();
    const old = state({ position: 100 });
    sync.hear(state({ position: 10 }));
    sync.hear(old);
    await pass(1000);
    expect(media.currentTime).toBeLessThan(12);
  });

  it('comes late to what plays', async () => {
    const { media, sync } = setup(
      new FakeMedia(
        () => 50,
        () => 200,
      ),
    );
    sync.hear(state({ position: 10 }, -60_000));
    await pass(3000);
    expect(Math.abs(sync.errorS() ?? 1)).toBeLessThan(0.02);
    expect(media.currentTime).toBeGreaterThan(70);
  });

  it('shows the same instant of what is live', async () => {
    const media = new FakeMedia();
    const offset = { value: null as number | null };
    const sync = new Sync({ media, time, dateOffsetS: () => offset.value });
    sync.start();
    const live = { id: 'live', kind: 'channel', live: true };
    sync.hear(state({ item: live, position: 1_800_000_100 }));
    await pass(500);
    expect(media.paused).toBe(true); // it is not known where in the media that is
    offset.value = 1_800_000_000;
    await pass(2000);
    expect(Math.abs(sync.errorS() ?? 1)).toBeLessThan(0.01);
    expect(media.currentTime).toBeGreaterThan(101);
  });

  it('tells when there is nothing to play, and when there is', async () => {
    const { media, sync, reports } = setup();
    sync.hear(state({ position: 10 }));
    await pass(1000);
    expect(reports.at(-1)).toMatchObject({ buffering: false, seq, rtt_ms: 40 });
    media.readyState = 2;
    media.bufferedToS = media.currentTime;
    await pass(300);
    expect(sync.isBuffering).toBe(true);
    expect(reports.at(-1)).toMatchObject({ buffering: true, buffered_ms: 0 });
    sync.hear(state({ playing: false, position: media.currentTime, waiting_for: [{ id: 'b', username: 'bob' }] }));
    media.bufferedToS = 20;
    media.readyState = 4;
    await pass(1000);
    expect(reports.at(-1)).toMatchObject({ buffering: false, seq });
    expect(reports.at(-1)?.buffered_ms).toBeGreaterThan(8000);
    const before = reports.length;
    await pass(2100);
    expect(reports.length - before).toBeGreaterThanOrEqual(4); // often, while others wait
  });

  it('says so when it may not play', async () => {
    const media = new FakeMedia();
    media.refuses = 'NotAllowedError';
    const { sync, blocked } = setup(media);
    sync.hear(state({}));
    await pass(2000);
    expect(blocked).toHaveBeenCalledOnce();
    media.refuses = '';
    sync.unblock();
    await pass(3000);
    expect(Math.abs(sync.errorS() ?? 1)).toBeLessThan(0.02);
  });
});

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { poll } from './poll';

class FakePage {
  hidden = false;
  shown = new Set<() => void>();
  onShown(callback: () => void) {
    this.shown.add(callback);
    return () => this.shown.delete(callback);
  }
  show() {
    this.hidden = false;
    this.shown.forEach((callback) => callback());
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('asks at once and again after the delay that the answer gave', async () => {
  const ask = vi.fn(async () => 1000);
  const p = poll(ask, new FakePage());
  expect(ask).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(999);
  expect(ask).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(ask).toHaveBeenCalledTimes(2);
  p.stop();
});

it('rests while the page is hidden and asks as soon as it is shown', async () => {
  const page = new FakePage();
  const ask = vi.fn(async () => 1000);
  const p = poll(ask, page);
  page.hidden = true;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ask).toHaveBeenCalledTimes(1);
  page.show();
  expect(ask).toHaveBeenCalledTimes(2);
  p.stop();
});

it('never asks twice at a time, and repeats when told to during a question', async () => {
  let answer: (ms: number) => void = () => {};
  const ask = vi.fn(() => new Promise<number>((resolve) => (answer = resolve)));
  const p = poll(ask, new FakePage());
  p.now();
  p.now();
  expect(ask).toHaveBeenCalledTimes(1);
  answer(50_000);
  await vi.advanceTimersByTimeAsync(0);
  expect(ask).toHaveBeenCalledTimes(2);
  p.stop();
});

it('stops for good and aborts the question under way', async () => {
  let signal: AbortSignal | undefined;
  const page = new FakePage();
  const ask = vi.fn(async (given: AbortSignal) => {
    signal = given;
    return 10;
  });
  const p = poll(ask, page);
  p.stop();
  await vi.advanceTimersByTimeAsync(1000);
  expect(ask).toHaveBeenCalledTimes(1);
  expect(signal?.aborted).toBe(true);
  expect(page.shown.size).toBe(0);
});

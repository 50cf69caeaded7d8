import { expect, it } from 'vitest';
import { delayMS } from './backoff';

const backoff = { firstMS: 1000, factor: 2, maxMS: 10_000 };
const middle = () => 0.5;

it('grows and then stays at its maximum', () => {
  expect([0, 1, 2, 3, 4, 400].map((n) => delayMS(n, backoff, middle))).toEqual([
    1000, 2000, 4000, 8000, 10_000, 10_000,
  ]);
});

it('spreads by a quarter to each side', () => {
  expect(delayMS(0, backoff, () => 0)).toBe(750);
  expect(delayMS(0, backoff, () => 1)).toBe(1250);
});

it('takes a negative attempt for the first', () => {
  expect(delayMS(-3, backoff, middle)).toBe(1000);
});

import { expect, it } from 'vitest';
import { rateText, secondsText, viewersText } from './text';

it.each([
  [0, '0 viewers'],
  [1, '1 viewer'],
  [1204, '1,204 viewers'],
])('%d viewers', (n, want) => expect(viewersText(n, 'en')).toBe(want));

it.each([
  [1.08, '1.1 s'],
  [9.94, '9.9 s'],
  [9.96, '10 s'],
  [61.2, '61 s'],
  [180, '3 min'],
])('%d seconds', (s, want) => expect(secondsText(s)).toBe(want));

it.each([
  [850_400, '850 kbit/s'],
  [4_210_000, '4.2 Mbit/s'],
])('%d bit/s', (bps, want) => expect(rateText(bps)).toBe(want));

import { expect, it } from 'vitest';
import { loadSound, saveSound } from './prefs';

it('remembers the sound', () => {
  const kept = new Map<string, string>();
  saveSound({ volume: 0.4, muted: true }, { setItem: (k, v) => void kept.set(k, v) });
  expect(loadSound({ getItem: (k) => kept.get(k) ?? null })).toEqual({ volume: 0.4, muted: true });
});

it.each([null, '{', '7', 'null', '{"volume":9}', '{"volume":"1"}'])('takes %j for full volume', (stored) => {
  expect(loadSound({ getItem: () => stored })).toEqual({ volume: 1, muted: false });
});

it('goes on where storage is forbidden', () => {
  const forbidden = () => {
    throw new Error('denied');
  };
  expect(() => saveSound({ volume: 1, muted: false }, { setItem: forbidden })).not.toThrow();
  expect(loadSound({ getItem: forbidden })).toEqual({ volume: 1, muted: false });
});

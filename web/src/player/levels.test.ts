import { expect, it } from 'vitest';
import { label, qualities, type LevelFacts } from './levels';

const level = (over: Partial<LevelFacts>): LevelFacts => ({
  width: 1280,
  height: 720,
  frameRate: 30,
  bitrateBPS: 2_800_000,
  name: undefined,
  url: '/live/demo/720p/index.m3u8',
  ...over,
});

it.each<[string, Partial<LevelFacts>]>([
  ['720p', {}],
  ['720p60', { frameRate: 59.94 }],
  ['720p', { frameRate: 29.97 }],
  ['720p', { frameRate: 0 }],
  ['1080p', { width: 1080, height: 1920 }],
  ['Audio only', { width: 0, height: 0 }],
  ['radio', { width: 0, height: 0, name: 'radio' }],
])('%s', (want, over) => expect(label(level(over))).toBe(want));

it('puts the source first and then the most lines', () => {
  const got = qualities([
    level({ height: 360, width: 640, url: '/live/demo/360p/index.m3u8' }),
    level({}),
    level({ bitrateBPS: 6e6, url: '/live/demo/source/index.m3u8?x=1' }),
  ]);
  expect(got.map((q) => [q.index, q.label, q.source])).toEqual([
    [2, '720p', true],
    [1, '720p', false],
    [0, '360p', false],
  ]);
});

it('does not call the only rendition a source', () => {
  expect(qualities([level({ name: 'source' })])[0]?.source).toBe(false);
});

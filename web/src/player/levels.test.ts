import { expect, it } from 'vitest';
import { label, onScreen, qualities, type LevelFacts } from './levels';

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

it.each<[string, number, number, number | undefined]>([
  ['believes the player while the picture agrees', 1, 720, 1],
  ['believes the picture when the player is ahead', 0, 1080, 2],
  ['believes the player when the picture fits no rendition', 0, 500, 0],
  ['believes the player before the first picture', 1, 0, 1],
  ['knows nothing before the player does', -1, 0, undefined],
  ['finds the rendition by the picture alone', -1, 360, 0],
])('%s', (_, playing, videoHeight, want) => {
  const all = qualities([
    level({ height: 360, width: 640 }),
    level({}),
    level({ height: 1080, width: 1920, url: '/live/demo/source/index.m3u8' }),
  ]);
  expect(onScreen(all, playing, videoHeight)?.index).toBe(want);
});

it('leaves two renditions of one height to the player', () => {
  const all = qualities([level({ height: 360, width: 640 }), level({}), level({ url: '/live/demo/source/index.m3u8' })]);
  expect(onScreen(all, 1, 720)?.index).toBe(1);
  expect(onScreen(all, 0, 720)?.index).toBe(0);
});

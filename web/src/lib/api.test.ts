import { afterEach, expect, it, vi } from 'vitest';
import { channel, channelFrom, liveChannels } from './api';

const signal = new AbortController().signal;
const answer = (status: number, body: unknown) =>
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify(body), { status }));

afterEach(() => void vi.unstubAllGlobals());

it('reads a channel', () => {
  expect(
    channelFrom({ slug: 'demo', title: 'Demo', live: true, viewers: 3, hls_url: '/x.m3u8', thumbnail_url: '/x.jpg' }),
  ).toEqual({ slug: 'demo', title: 'Demo', live: true, viewers: 3, hlsURL: '/x.m3u8', thumbnailURL: '/x.jpg' });
});

it('fills in what a channel leaves out', () => {
  expect(channelFrom({ slug: 'demo' })).toEqual({
    slug: 'demo',
    title: 'demo',
    live: false,
    viewers: 0,
    hlsURL: '/live/demo/index.m3u8',
    thumbnailURL: '',
  });
});

it.each([null, 7, 'demo', {}, { slug: 4 }])('refuses %j as a channel', (value) => {
  expect(() => channelFrom(value)).toThrow('without a slug');
});

it('lists live channels', async () => {
  answer(200, { items: [{ slug: 'a1' }, { slug: 'b2' }] });
  expect((await liveChannels(signal)).map((c) => c.slug)).toEqual(['a1', 'b2']);
});

it.each([null, {}, { items: null }, { items: 'demo' }, { items: [{}] }])('refuses %j as a list', async (body) => {
  answer(200, body);
  await expect(liveChannels(signal)).rejects.toThrow('a ');
});

it('tells an unknown channel by its status', async () => {
  answer(404, { title: 'Not Found' });
  await expect(channel('nobody', signal)).rejects.toMatchObject({ status: 404 });
});

it('tells no answer by status 0', async () => {
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('Failed to fetch');
  });
  await expect(channel('demo', signal)).rejects.toMatchObject({ status: 0 });
});

/** A channel as the API shows it to everybody. */
export interface Channel {
  slug: string;
  title: string;
  live: boolean;
  viewers: number;
  hlsURL: string;
  /** Empty while there is no picture. */
  thumbnailURL: string;
}

/** An answer of the API that is not the one asked for. status is 0 when there was no answer at all. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Longest wait for an answer. */
const timeoutMS = 8000;

async function get(path: string, signal: AbortSignal): Promise<unknown> {
  const abort = new AbortController();
  const stop = () => abort.abort();
  const timer = setTimeout(stop, timeoutMS);
  signal.addEventListener('abort', stop);
  try {
    const response = await fetch(path, { signal: abort.signal, headers: { Accept: 'application/json' } });
    if (!response.ok) throw new ApiError(response.status, `${path}: ${response.status}`);
    return await response.json();
  } catch (err) {
    throw err instanceof ApiError ? err : new ApiError(0, `${path}: ${String(err)}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function text(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback;
}

/** channelFrom reads one channel of an answer. */
export function channelFrom(value: unknown): Channel {
  const v = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const slug = text(v['slug'], '');
  if (slug === '') throw new ApiError(0, 'a channel without a slug');
  return {
    slug,
    title: text(v['title'], slug),
    live: v['live'] === true,
    viewers: typeof v['viewers'] === 'number' ? v['viewers'] : 0,
    hlsURL: text(v['hls_url'], `/live/${encodeURIComponent(slug)}/index.m3u8`),
    thumbnailURL: text(v['thumbnail_url'], ''),
  };
}

/** liveChannels returns the channels that are on air. Any failure is an ApiError. */
export async function liveChannels(signal: AbortSignal): Promise<Channel[]> {
  const body = (await get('/api/v1/channels?live=true', signal)) as { items?: unknown } | null;
  const list = body?.items;
  if (!Array.isArray(list)) throw new ApiError(0, 'a list of channels that is none');
  return list.map(channelFrom);
}

/** channel returns one channel. An unknown one is an ApiError with status 404. */
export async function channel(slug: string, signal: AbortSignal): Promise<Channel> {
  return channelFrom(await get(`/api/v1/channels/${encodeURIComponent(slug)}`, signal));
}

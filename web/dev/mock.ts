import { spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import type { Plugin } from 'vite';

/** Arguments for a test picture in three renditions with shared audio, as live HLS in the working directory. */
const ffmpegArgs = [
  ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-re'],
  ...['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30'],
  ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'],
  ...['-filter_complex', '[0:v]split=3[a][b][c];[b]scale=-2:480[b1];[c]scale=-2:240[c1]'],
  ...['-map', '[a]', '-map', '[b1]', '-map', '[c1]', '-map', '1:a'],
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '30', '-sc_threshold', '0'],
  ...['-b:v:0', '2500k', '-b:v:1', '1000k', '-b:v:2', '400k', '-c:a', 'aac', '-b:a', '96k'],
  ...['-f', 'hls', '-hls_time', '1', '-hls_list_size', '20', '-hls_segment_type', 'fmp4'],
  ...['-hls_flags', 'independent_segments+program_date_time+delete_segments'],
  ...['-master_pl_name', 'index.m3u8', '-hls_segment_filename', '%v-%d.m4s', '-hls_fmp4_init_filename', '%v-init.mp4'],
  ...['-var_stream_map', 'v:0,agroup:a,name:source v:1,agroup:a,name:480p v:2,agroup:a,name:240p a:0,agroup:a,default:yes,name:audio'],
  '%v.m3u8',
];

const contentTypes: Record<string, string> = {
  m3u8: 'application/vnd.apple.mpegurl',
  mp4: 'video/mp4',
  m4s: 'video/mp4',
  jpg: 'image/jpeg',
};

/**
 * mockServer answers the API and media paths of a Bandstand with one live channel "demo" and one
 * offline channel "quiet", so that the client can be worked on without a server.
 * POST /api/mock/{live|offline|down} switches demo on air, off air, or the whole server away;
 * BANDSTAND_MOCK=offline starts off air. It needs ffmpeg.
 */
export function mockServer(): Plugin {
  const dir = mkdtempSync(join(tmpdir(), 'bandstand-mock-'));
  let mode = process.env['BANDSTAND_MOCK'] === 'offline' ? 'offline' : 'live';

  const json = (res: ServerResponse, status: number, body: unknown) => {
    res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    res.end(JSON.stringify(body));
  };
  const channel = (slug: string) => ({
    slug,
    title: slug === 'demo' ? 'Sunday rehearsal from the park' : 'The quiet channel',
    live: slug === 'demo' && mode === 'live',
    viewers: slug === 'demo' && mode === 'live' ? 12 : 0,
    hls_url: `/live/${slug}/index.m3u8`,
    thumbnail_url: `/live/${slug}/thumb.jpg`,
  });
  const media = (res: ServerResponse, name: string) => {
    const path = join(dir, normalize('/' + name));
    if (mode !== 'live' || !statSync(path, { throwIfNoEntry: false })?.isFile()) {
      res.writeHead(404).end();
      return;
    }
    res.writeHead(200, {
      'Content-Type': contentTypes[path.split('.').pop() ?? ''] ?? 'application/octet-stream',
      'Cache-Control': 'no-cache',
    });
    createReadStream(path).pipe(res);
  };
  const handle = (req: IncomingMessage, res: ServerResponse, next: () => void) => {
    const url = new URL(req.url ?? '/', 'http://mock');
    const [, area, ...rest] = url.pathname.split('/');
    if (area === 'api' && rest[0] === 'mock') {
      mode = rest[1] ?? mode;
      json(res, 200, { mode });
    } else if ((area === 'api' || area === 'live') && mode === 'down') {
      req.socket.destroy();
    } else if (area === 'api' && rest[1] === 'channels') {
      const slug = rest[2];
      if (!slug) json(res, 200, { items: ['demo', 'quiet'].map(channel).filter((c) => c.live) });
      else if (slug === 'demo' || slug === 'quiet') json(res, 200, channel(slug));
      else json(res, 404, { title: 'Not Found', status: 404 });
    } else if (area === 'live' && rest[0] === 'demo') {
      media(res, rest.slice(1).join('/'));
    } else if (area === 'live') {
      res.writeHead(404).end();
    } else {
      next();
    }
  };
  const start = (server: { middlewares: { use(fn: typeof handle): unknown }; httpServer: { once(event: string, fn: () => void): unknown } | null }) => {
    const ffmpeg = spawn('ffmpeg', ffmpegArgs, { cwd: dir, stdio: ['ignore', 'inherit', 'inherit'] });
    const thumb = spawn(
      'ffmpeg',
      ['-loglevel', 'error', '-nostdin', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=1', '-update', '1', 'thumb.jpg'],
      { cwd: dir, stdio: ['ignore', 'inherit', 'inherit'] },
    );
    const stop = () => [ffmpeg, thumb].forEach((child) => child.kill());
    process.once('exit', stop);
    server.httpServer?.once('close', stop);
    server.middlewares.use(handle);
  };
  return { name: 'mock-server', configureServer: start, configurePreviewServer: start };
}

// Reads the playlists of a low-latency live stream with hls-parser, over and over, strictly: the
// multivariant playlist, every rendition's, and its delta update.
// Prints one line of JSON. Exit code 0 when all could be read, 1 when not, 2 when it could not try.
//
//   node e2e/parse.mjs --url http://127.0.0.1:8080/live/demo/index.m3u8 [--seconds 20]
import { parseArgs } from 'node:util';
import HLS from 'hls-parser';

const { values: flags } = parseArgs({
  options: { url: { type: 'string', default: '' }, seconds: { type: 'string', default: '20' } },
});

/** Time between two rounds. */
const roundMS = 400;

/**
 * The one complaint that is not believed: hls-parser takes any three segments for three target
 * durations, though those at a discontinuity are shorter. stale looks closer.
 */
const misjudged = /^Invalid Playlist : Remove EXT-X-PART tags/;

// Not in strict mode, the parser complains to the console, where a strict one would throw.
const complaints = [];
console.error = (message) => misjudged.test(message) || complaints.push(message);

const seen = { playlists: 0, deltas: 0, discontinuities: 0, parts: 0, segments: 0, ended: 0, renditions: [] };
const problems = new Set();

/** Fetches and parses one playlist; what is wrong with it becomes a problem. */
async function read(url) {
  const response = await fetch(url);
  const text = await response.text();
  if (response.status !== 200) {
    problems.add(`${url}: status ${response.status}`);
    return null;
  }
  const playlist = HLS.parse(text);
  if (stale(playlist)) complaints.push('parts are listed more than three target durations from the end');
  for (const complaint of complaints.splice(0)) problems.add(`${url}: ${complaint}\n${text}`);
  seen.playlists++;
  return playlist;
}

/** Says whether parts are listed that should have left. RFC 8216bis 4.4.4.9. */
function stale({ isMasterPlaylist, segments, targetDuration }) {
  if (isMasterPlaylist) return false;
  let behindS = 0;
  for (const segment of [...segments].reverse()) {
    if (segment.parts.length > 0 && behindS > 3 * targetDuration) return true;
    behindS += segment.duration ?? 0;
  }
  return false;
}

/** Returns the addresses of all media playlists. */
function renditionsOf(master, base) {
  const uris = new Set();
  for (const variant of master.variants) {
    uris.add(variant.uri);
    for (const audio of variant.audio) if (audio.uri) uris.add(audio.uri);
  }
  return [...uris].map((uri) => new URL(uri, base).href);
}

async function readRendition(url) {
  const full = await read(url);
  if (!full) return;
  if (full.isMasterPlaylist) problems.add(`${url}: a multivariant playlist`);
  seen.segments = Math.max(seen.segments, full.segments.length);
  seen.parts = Math.max(seen.parts, ...full.segments.map((segment) => segment.parts.length));
  seen.discontinuities = Math.max(seen.discontinuities, full.segments.filter((segment) => segment.discontinuity).length);
  if (full.endlist) seen.ended++;
  const delta = await read(`${url}${url.includes('?') ? '&' : '?'}_HLS_skip=YES`);
  if (delta?.skip > 0) seen.deltas++;
}

async function round() {
  const master = await read(flags.url);
  if (!master) return;
  if (!master.isMasterPlaylist) problems.add(`${flags.url}: not a multivariant playlist`);
  seen.renditions = renditionsOf(master, flags.url);
  await Promise.all(seen.renditions.map(readRendition));
}

if (!flags.url) {
  process.stderr.write('parse: --url is missing\n');
  process.exit(2);
}
const endMS = performance.now() + Number(flags.seconds) * 1000;
while (performance.now() < endMS && problems.size === 0) {
  await round();
  await new Promise((resolve) => setTimeout(resolve, roundMS));
}
console.log(JSON.stringify({ ok: problems.size === 0, problems: [...problems], ...seen }));
process.exitCode = problems.size === 0 ? 0 : 1;

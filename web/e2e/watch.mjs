// Watches a channel in headless Chromium and checks that it plays: the picture keeps moving
// through quality switches made in the menu, hls.js meets no fatal error, the console stays clean.
// Prints one line of JSON. Exit code 0 when all is well, 1 when not, 2 when it could not try.
//
//   node e2e/watch.mjs --url http://127.0.0.1:8080/c/demo [--seconds 20] [--switches 2] [--screenshot file.png]
//
// Each flag has an environment variable: WATCH_URL, WATCH_SECONDS, … CHROMIUM names the browser.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { chromiumFlags, chromiumPath } from './chromium.mjs';

/** Longest time without movement that does not count as a stall. */
const stallMS = 500;

/** Time between two looks at the video. */
const lookMS = 50;

const env = (name, fallback) => process.env[`WATCH_${name.toUpperCase()}`] ?? fallback;
const { values: flags } = parseArgs({
  options: {
    url: { type: 'string', default: env('url', '') },
    seconds: { type: 'string', default: env('seconds', '20') },
    switches: { type: 'string', default: env('switches', '2') },
    start: { type: 'string', default: env('start', '20') },
    screenshot: { type: 'string', default: env('screenshot', '') },
  },
});

/** Runs in the page: records when the picture stood still, how late it was and what was on screen. */
function observe({ stallMS, lookMS }) {
  const stage = document.querySelector('[data-state]');
  const video = stage.querySelector('video');
  const seen = { startS: video.currentTime, stalls: [], latencyS: [], clockLatencyS: [], renditions: [], states: [] };
  let movedMS = performance.now();
  let media = video.currentTime;
  const note = (list, value) => {
    if (value !== '' && list.at(-1) !== value) list.push(value);
  };
  const timer = setInterval(() => {
    const now = performance.now();
    if (video.currentTime !== media) {
      if (now - movedMS > stallMS) seen.stalls.push({ atS: media, forMS: Math.round(now - movedMS) });
      media = video.currentTime;
      movedMS = now;
    }
    note(seen.renditions, stage.dataset.rendition);
    note(seen.states, stage.dataset.state);
    if (stage.dataset.latency) seen.latencyS.push(Number(stage.dataset.latency));
    if (stage.dataset.clockLatency) seen.clockLatencyS.push(Number(stage.dataset.clockLatency));
  }, lookMS);
  window.watched = () => {
    clearInterval(timer);
    const still = performance.now() - movedMS;
    if (still > stallMS) seen.stalls.push({ atS: media, forMS: Math.round(still) });
    return {
      ...seen,
      endS: video.currentTime,
      fatalErrors: Number(stage.dataset.fatalErrors),
      lastError: stage.dataset.lastError,
      droppedFrames: Number(stage.dataset.droppedFrames),
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
    };
  };
}

function percentiles(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (p) => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? null;
  return { p50: at(0.5), p95: at(0.95) };
}

/** Chooses a rendition in the menu that is not on screen, and waits until it is. */
async function switchQuality(page) {
  await page.mouse.move(200 + Math.random() * 100, 200);
  await page.click('[data-quality-menu]');
  const choices = await page.$$eval('[data-quality]:not([data-quality=auto])', (items) =>
    items.map((item) => ({ index: item.dataset.quality, chosen: item.ariaChecked === 'true', label: item.firstElementChild.firstChild.textContent.trim() })),
  );
  const shown = await page.$eval('[data-state]', (stage) => stage.dataset.rendition);
  const other = choices.filter((choice) => choice.label !== shown).at(-1);
  if (!other) throw new Error(`no other rendition than ${shown} to switch to`);
  await page.click(`[data-quality="${other.index}"]`);
  await page.waitForFunction(
    (label) => document.querySelector('[data-state]').dataset.rendition === label,
    other.label,
    { timeout: 15_000 },
  );
  return other.label;
}

async function watch(page) {
  const problems = [];
  page.on('console', (message) => message.type() === 'error' && problems.push(`console: ${message.text()}`));
  page.on('pageerror', (err) => problems.push(`page: ${err.message}`));

  const openedMS = Date.now();
  await page.goto(flags.url);
  await page.waitForSelector('[data-state="playing"]', { timeout: Number(flags.start) * 1000 });
  const startupMS = Date.now() - openedMS;
  await page.waitForSelector('[data-quality-menu]');
  await page.evaluate(observe, { stallMS, lookMS });

  const switches = Number(flags.switches);
  const stretchMS = (Number(flags.seconds) * 1000) / (switches + 1);
  const switched = [];
  await page.waitForTimeout(stretchMS);
  for (let i = 0; i < switches; i++) {
    const endMS = Date.now() + stretchMS;
    switched.push(await switchQuality(page));
    await page.waitForTimeout(Math.max(0, endMS - Date.now()));
  }
  const seen = await page.evaluate(() => window.watched());
  if (flags.screenshot) await page.screenshot({ path: flags.screenshot });

  const playedS = seen.endS - seen.startS;
  if (seen.stalls.length > 0) problems.push(`${seen.stalls.length} stalls`);
  if (seen.fatalErrors > 0) problems.push(`${seen.fatalErrors} fatal errors of the player, last ${seen.lastError}`);
  if (playedS < Number(flags.seconds) * 0.9) problems.push(`only ${playedS.toFixed(1)} s of media played`);
  return {
    ok: problems.length === 0,
    problems,
    startupMS,
    playedS,
    latencyS: percentiles(seen.latencyS),
    clockLatencyS: percentiles(seen.clockLatencyS),
    stalls: seen.stalls,
    switches: switched,
    renditions: seen.renditions,
    states: seen.states,
    droppedFrames: seen.droppedFrames,
    frames: seen.frames,
  };
}

if (!flags.url) {
  console.error('watch: --url is missing');
  process.exit(2);
}
const profile = mkdtempSync(join(tmpdir(), 'bandstand-watch-'));
let browser;
try {
  browser = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath,
    args: chromiumFlags,
    viewport: { width: 1280, height: 720 },
  });
  const result = await watch(await browser.newPage());
  console.log(JSON.stringify(result));
  process.exitCode = result.ok ? 0 : 1;
} catch (err) {
  console.log(JSON.stringify({ ok: false, problems: [String(err.message ?? err)] }));
  process.exitCode = 1;
} finally {
  await browser?.close();
  rmSync(profile, { recursive: true, force: true });
}

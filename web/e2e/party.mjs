// Has three pages in headless Chromium watch the same in a watch party, over networks of their own,
// and measures how far apart what they show is, at the same instants. Prints one line of JSON:
//
//   {"p50MS":4.1,"p95MS":12.3,"maxMS":30.2,"count":700,"seconds":20.1,…}
//
// It counts from settleMS after a change has taken effect, or somebody has come, or a page has
// stalled. unsettled is the same over all instants.
//
//   node e2e/party.mjs --build DIR                       makes the page
//   node e2e/party.mjs --plan '{"guests":[{"url","token"},…],"party","source","fps","pace","live"}'
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { chromiumFlags, chromiumPath } from './chromium.mjs';

const { values: flags } = parseArgs({ options: { build: { type: 'string', default: '' }, plan: { type: 'string', default: '' } } });

/** From then on the pages must be together. */
const settleMS = 1500;

/** A page that noted nothing for so long had no time to do anything: it stalled with all its machine, and has to settle again. */
const blindMS = 150;

const folder = dirname(fileURLToPath(import.meta.url));

const makePage = (outDir) =>
  build({
    configFile: false,
    root: join(folder, 'party'),
    logLevel: 'error',
    build: { outDir, emptyOutDir: false, target: 'chrome110', modulePreload: { polyfill: false }, minify: false },
  });

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** What was shown at an instant; null if that is not known. */
function positionAt(notes, atMS) {
  let low = 0;
  let high = notes.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (notes[middle].atMS <= atMS) low = middle;
    else high = middle;
  }
  const [a, b] = [notes[low], notes[high]];
  if (!a || !b || a.atMS > atMS || b.atMS < atMS || b.atMS - a.atMS > blindMS) return null;
  // What was sought or stopped in between has no place between.
  if (a.position === null || b.position === null || a.seq !== b.seq || a.paused !== b.paused) return null;
  return a.position + ((b.position - a.position) * (atMS - a.atMS)) / (b.atMS - a.atMS);
}

function figures(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
  const round = (ms) => (ms === null ? null : Math.round(ms * 10) / 10);
  return { p50MS: round(at(0.5)), p95MS: round(at(0.95)), maxMS: round(sorted.at(-1) ?? null), count: sorted.length };
}

/** Compares what all pages showed, all the time. changes are the instants from which to settle. */
function compare(seen, changes) {
  const settled = [];
  const all = [];
  const stalls = seen.flatMap(({ notes }) => notes.filter((n, i) => i > 0 && n.atMS - notes[i - 1].atMS > blindMS).map((n) => n.atMS));
  changes = [...changes, ...stalls];
  const arrivals = seen.map((s) => s.effects[0].atMS);
  const from = Math.max(...arrivals.slice(0, 2));
  const to = Math.min(...seen.map((s) => s.notes.at(-1).atMS));
  for (let atMS = from; atMS < to; atMS += 20) {
    const last = Math.max(...changes.filter((c) => c <= atMS + 100), -Infinity);
    if (last === -Infinity) continue; // nothing has begun
    const here = seen.filter((_, i) => arrivals[i] < atMS);
    const shown = here.map((s) => positionAt(s.notes, atMS));
    if (shown.includes(null)) continue;
    const apartMS = (Math.max(...shown) - Math.min(...shown)) * 1000;
    all.push(apartMS);
    if (atMS - last >= settleMS) settled.push(apartMS);
  }
  return { ...figures(settled), seconds: settled.length / 50, unsettled: figures(all), stalls: stalls.length };
}

async function watch(plan) {
  const browser = await chromium.launch({ executablePath: chromiumPath, args: [...chromiumFlags, '--autoplay-policy=no-user-gesture-required'] });
  try {
    const errors = [];
    const pages = [];
    const come = async (guest) => {
      // A window of its own: pages behind others are put to sleep.
      const page = await (await browser.newContext()).newPage();
      page.on('pageerror', (err) => errors.push(err.message));
      await page.goto(guest.url);
      await page.waitForFunction(() => window.harness !== undefined);
      await page.evaluate((options) => window.harness.come(options), { token: guest.token, id: plan.party, source: plan.source, fps: plan.fps });
      pages.push(page);
      return page;
    };
    const changes = [];
    const act = async (page, seconds, name, ...args) => {
      const done = await page.evaluate(([n, a]) => window.harness.act(n, ...a), [name, args]);
      const clock = (await page.evaluate(() => window.harness.seen().clock)).offsetMS;
      changes.push(done.at / 1000 - clock);
      await sleep(seconds * 1000 * plan.pace);
    };
    const [fast, slow] = await Promise.all(plan.guests.slice(0, 2).map(come));
    if (plan.live) {
      await act(fast, 8, 'play');
      await act(slow, 3, 'pause');
      await act(slow, 6, 'play');
    } else {
      await act(fast, 4, 'play');
      await act(slow, 4, 'seek', 40);
      await act(fast, 3.5, 'rate', 1.25);
      await act(fast, 0.3, 'rate', 1);
      await act(slow, 1.8, 'pause');
      await act(fast, 3, 'play');
      await come(plan.guests[2]);
      changes.push(Date.now());
      await sleep(3500 * plan.pace);
    }
    const seen = await Promise.all(pages.map((page) => page.evaluate(() => window.harness.seen())));
    const result = compare(seen, changes);
    const frames = seen.map((s) => s.frames);
    const clocks = seen.map((s) => s.clock);
    return { ...result, frames, clocks, errors, ...(process.env.PARTY_NOTES && { seen, changes }) };
  } finally {
    await browser.close();
  }
}

try {
  if (flags.build) await makePage(flags.build);
  if (flags.plan) console.log(JSON.stringify(await watch(JSON.parse(flags.plan))));
} catch (err) {
  console.error(err);
  process.exitCode = 1;
}

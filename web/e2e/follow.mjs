// Opens a watch page in headless Chromium and tells what it goes through, for a test that makes
// publishers come and go meanwhile. Prints one line of JSON whenever the page's state changes and
// for each second of media played:
//
//   {"state":"playing","timeS":12.5,"loads":1}
//
// loads counts how often a page was loaded; {"error":"…"} is an exception in the page. A line on
// standard input is the next address to open; its end ends the program.
//
//   node e2e/follow.mjs --url http://127.0.0.1:8080/c/demo
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { chromiumFlags, chromiumPath } from './chromium.mjs';

/** Time between two looks at the page. */
const lookMS = 50;

const { values: flags } = parseArgs({ options: { url: { type: 'string', default: '' } } });

/** Runs in the page, before anything of its own does. */
function observe(lookMS) {
  let state = '';
  let timeS = 0;
  setInterval(() => {
    const stage = document.querySelector('[data-state]');
    if (!stage) return;
    const nowS = stage.querySelector('video')?.currentTime ?? 0;
    if (stage.dataset.state === state && nowS >= timeS && nowS - timeS < 1) return;
    state = stage.dataset.state;
    timeS = nowS;
    window.seen(state, timeS);
  }, lookMS);
}

async function follow(page) {
  let loads = 0;
  const tell = (what) => console.log(JSON.stringify(what));
  page.on('domcontentloaded', () => loads++);
  page.on('pageerror', (err) => tell({ error: err.message }));
  await page.exposeFunction('seen', (state, timeS) => tell({ state, timeS, loads }));
  await page.addInitScript(observe, lookMS);
  await page.goto(flags.url);
  for await (const line of createInterface({ input: process.stdin })) await page.goto(line);
}

if (!flags.url) {
  console.error('follow: --url is missing');
  process.exit(2);
}
const profile = mkdtempSync(join(tmpdir(), 'bandstand-follow-'));
let browser;
try {
  browser = await chromium.launchPersistentContext(profile, { executablePath: chromiumPath, args: chromiumFlags });
  await follow(await browser.newPage());
} catch (err) {
  console.log(JSON.stringify({ error: String(err.message ?? err) }));
  process.exitCode = 1;
} finally {
  await browser?.close();
  rmSync(profile, { recursive: true, force: true });
}

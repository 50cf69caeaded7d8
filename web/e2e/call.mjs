// Two people call each other in headless Chromium through a real server, with the client of calls
// and cameras that Chromium makes up. Checks that each sees and hears the other, that they go on
// after a socket is lost, and that hanging up ends it for both. Prints one line of JSON:
//
//   {"ok":true,"ada":{"frames":73,"audio":151,"via":["relay","relay"]},"bob":{…},"again":{…},"over":["left","answered"]}
//
//   node e2e/call.mjs --url http://127.0.0.1:8080 --ada TOKEN --bob TOKEN [--relay]
//
// --relay allows no way but through the server's relay.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { chromiumFlags, chromiumPath } from './chromium.mjs';

const { values: flags } = parseArgs({
  options: {
    url: { type: 'string', default: '' },
    ada: { type: 'string', default: '' },
    bob: { type: 'string', default: '' },
    relay: { type: 'boolean', default: false },
  },
});

/** How long something may take on a machine that does much else. */
const patienceMS = 60_000;

async function bundle() {
  const out = await build({
    configFile: false,
    logLevel: 'error',
    root: dirname(dirname(fileURLToPath(import.meta.url))),
    build: { write: false, minify: false, lib: { entry: 'e2e/call-page.ts', formats: ['iife'], name: 'page' } },
  });
  return out[0].output[0].code;
}

/** Runs in the page: signs in, and gets a camera. */
async function enter({ token, relay }) {
  const { Calls, Realtime } = window.bandstand;
  const socket = new Realtime({ token: async () => token });
  const local = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 180, frameRate: 15 } });
  const calls = new Calls(socket, { config: relay ? { iceTransportPolicy: 'relay' } : {} });
  window.me = { socket, local, calls, call: null };
  socket.connect();
  await new Promise((resolve) => socket.state.subscribe((s) => s.is === 'connected' && resolve()));
}

/** Runs in the page: what has come from the other side, and by which way. */
async function seen() {
  const [other] = window.me.call.others.value;
  const report = { frames: 0, audio: 0, via: [], state: other?.peer.state.value ?? 'none', ufrag: '' };
  if (!other) return report;
  const stats = await other.peer.connection.getStats();
  stats.forEach((s) => {
    if (s.type === 'inbound-rtp' && s.kind === 'video') report.frames = s.framesDecoded ?? 0;
    if (s.type === 'inbound-rtp' && s.kind === 'audio') report.audio = s.packetsReceived ?? 0;
    if (s.type !== 'transport' || !s.selectedCandidatePairId) return;
    const pair = stats.get(s.selectedCandidatePairId);
    report.via = [stats.get(pair.localCandidateId)?.candidateType, stats.get(pair.remoteCandidateId)?.candidateType];
  });
  report.ufrag = /a=ice-ufrag:(\S+)/.exec(other.peer.connection.localDescription?.sdp ?? '')?.[1] ?? '';
  return report;
}

/** Waits until done holds of what a page has seen. */
async function until(page, what, done) {
  const end = Date.now() + patienceMS;
  for (;;) {
    const now = await page.evaluate(seen);
    if (done(now)) return now;
    if (Date.now() > end) throw new Error(`${what}: ${JSON.stringify(now)}`);
    await page.waitForTimeout(100);
  }
}

const flows = (than) => (now) => now.frames > than.frames && now.audio > than.audio;
const nothing = { frames: 0, audio: 0 };

async function call(browser, code) {
  const errors = [];
  const sockets = [];
  const open = async (token) => {
    const context = await browser.newContext({ bypassCSP: true, permissions: ['camera', 'microphone'] });
    const page = await context.newPage();
    page.setDefaultTimeout(patienceMS);
    page.on('pageerror', (err) => errors.push(err.message));
    // The test sits on the wire of the socket, to cut it.
    const wires = [];
    await page.routeWebSocket(/\/api\/v1\/ws/, (ws) => {
      ws.connectToServer();
      wires.push(ws);
    });
    sockets.push(wires);
    // Anything of the server's: to a page that did not come from there Chromium denies the socket.
    await page.goto(`${flags.url}/api/v1/instance`);
    await page.addScriptTag({ content: code });
    await page.evaluate(enter, { token, relay: flags.relay });
    return page;
  };
  const [ada, bob] = await Promise.all([open(flags.ada), open(flags.bob)]);

  const rung = bob.evaluate(async () => {
    const { calls, local } = window.me;
    const id = await new Promise((resolve) => calls.ringing.subscribe(([first]) => first && resolve(first.call.id)));
    window.me.call = await calls.accept(id, local);
  });
  await ada.evaluate(async () => {
    window.me.call = await window.me.calls.start('bob', window.me.local);
  });
  await rung;
  const first = {
    ada: await until(ada, 'ada sees bob', flows(nothing)),
    bob: await until(bob, 'bob sees ada', flows(nothing)),
  };

  // Her socket is lost. It comes back, and another way is found, while the picture goes on.
  await sockets[0].at(-1).close({ code: 3001, reason: 'lost' });
  const again = {
    ada: await until(ada, 'ada sees bob again', (now) => now.ufrag !== first.ada.ufrag && now.state === 'connected' && flows(first.ada)(now)),
  };
  again.bob = await until(bob, 'bob sees ada again', (now) => now.state === 'connected' && flows(first.bob)(now));
  again.sockets = sockets[0].length;

  const over = bob.evaluate(() => new Promise((resolve) => window.me.call.over.subscribe((why) => why && resolve(why))));
  await ada.evaluate(() => window.me.call.hangUp());
  const ends = [await ada.evaluate(() => window.me.call.over.value), await over];
  return { ok: errors.length === 0, ...first, again, over: ends, errors };
}

if (!flags.url || !flags.ada || !flags.bob) {
  console.error('call: --url, --ada or --bob is missing');
  process.exit(2);
}
const profile = mkdtempSync(join(tmpdir(), 'bandstand-call-'));
let browser;
try {
  const code = await bundle();
  browser = await chromium.launch({
    executablePath: chromiumPath,
    args: [...chromiumFlags, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
    env: { ...process.env, HOME: profile },
  });
  console.log(JSON.stringify(await call(browser, code)));
} catch (err) {
  console.error(String(err.message ?? err));
  process.exitCode = 1;
} finally {
  await browser?.close();
  rmSync(profile, { recursive: true, force: true });
}

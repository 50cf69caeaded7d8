// Opens a page with a form in headless Chromium, fills it in with the keyboard alone, sends it, and
// prints what the page then says as one line of JSON:
//
//   {"ok":true,"title":"Your address is confirmed","alert":"","address":"/account/confirm","errors":[]}
//
// address is what the address bar shows before the form is sent; ok says whether the form was taken.
//
//   node e2e/form.mjs --url http://127.0.0.1:8080/account/forgot --type ada
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { chromiumFlags, chromiumPath } from './chromium.mjs';

const { values: flags } = parseArgs({
  options: { url: { type: 'string', default: '' }, type: { type: 'string', default: '' } },
});

async function send(page) {
  const errors = [];
  page.on('pageerror', (err) => errors.push(err.message));
  await page.goto(flags.url);
  // The page puts the focus where one begins.
  await page.waitForSelector('form :focus');
  const address = await page.evaluate(() => location.pathname + location.search + location.hash);
  if (flags.type) await page.keyboard.type(flags.type);
  await page.keyboard.press('Enter');
  const end = page.locator('main [role="status"] h1, .alert, .fault').first();
  await end.waitFor();
  return {
    ok: (await page.locator('form').count()) === 0,
    title: await page.textContent('h1'),
    alert: (await page.locator('.alert, .fault').allTextContents()).join(' '),
    address,
    errors,
  };
}

if (!flags.url) {
  console.error('form: --url is missing');
  process.exit(2);
}
const profile = mkdtempSync(join(tmpdir(), 'bandstand-form-'));
let browser;
try {
  browser = await chromium.launchPersistentContext(profile, { executablePath: chromiumPath, args: chromiumFlags });
  console.log(JSON.stringify(await send(await browser.newPage())));
} catch (err) {
  console.error(String(err.message ?? err));
  process.exitCode = 1;
} finally {
  await browser?.close();
  rmSync(profile, { recursive: true, force: true });
}

import { describe, expect, it } from 'vitest';
import { refreshLogin, type Browser } from './login';

/** A browser of several tabs. locked is whether it has locks. */
function fakeBrowser(locked: boolean, status = 200) {
  let now = 1_000_000;
  let asked = 0;
  let turn = Promise.resolve();
  const kept = new Map<string, string>();
  const browser: Browser = {
    fetch: async () => {
      asked++;
      await Promise.resolve();
      return new Response(null, { status });
    },
    storage: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    },
    now: () => now,
    wait: async (ms) => {
      now += ms;
      await Promise.resolve();
    },
    locks: locked
      ? ({
          request: (_: string, work: () => Promise<boolean>) => {
            const mine = turn.then(work);
            turn = mine.then(
              () => undefined,
              () => undefined,
            );
            return mine;
          },
        } as unknown as LockManager)
      : undefined,
  };
  return { browser, asked: () => asked, kept, pass: (ms: number) => (now += ms) };
}

describe.each([true, false])('refreshing the login, with locks: %s', (locked) => {
  it('is done by one of several tabs', async () => {
    const fake = fakeBrowser(locked);
    const all = await Promise.all([1, 2, 3].map(() => refreshLogin(fake.browser)));
    expect(all).toEqual([true, true, true]);
    expect(fake.asked()).toBe(1);
    fake.pass(60_000);
    await refreshLogin(fake.browser);
    expect(fake.asked()).toBe(2);
    expect(fake.kept.has('bandstand-refresh')).toBe(false);
  });

  it('says when the login has ended, and rejects when nobody could be asked', async () => {
    await expect(refreshLogin(fakeBrowser(locked, 401).browser)).resolves.toBe(false);
    await expect(refreshLogin(fakeBrowser(locked, 503).browser)).rejects.toThrow('503');
  });
});

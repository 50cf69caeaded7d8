/** Name of the lock under which tabs of one browser take turns. */
const lockName = 'bandstand-refresh';
/** Where tabs tell each other when the login was refreshed. */
const doneKey = 'bandstand-refreshed';
/** Refreshed by another tab this recently is as good as by this one. */
const freshMS = 10_000;
/** Longest wait for an answer, and for another tab. */
const timeoutMS = 10_000;

/** What refreshing needs of the browser; tests replace it. */
export interface Browser {
  fetch: typeof fetch;
  /** Only there on pages with TLS, and on localhost. */
  locks?: LockManager | undefined;
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | undefined;
  now(): number;
  wait(ms: number): Promise<void>;
}

function browser(): Browser {
  return {
    fetch: (...args) => fetch(...args),
    locks: typeof navigator === 'undefined' ? undefined : navigator.locks,
    storage: typeof localStorage === 'undefined' ? undefined : localStorage,
    now: Date.now,
    wait: (ms) => new Promise((done) => setTimeout(done, ms)),
  };
}

/**
 * refreshLogin has the cookies of this browser renewed. It returns false if the login has ended;
 * a failure to ask rejects. A refresh token is good once, and showing it twice ends the login: so
 * one tab at a time refreshes, and none where another just has.
 */
export async function refreshLogin(b: Browser = browser()): Promise<boolean> {
  return inTurn(b, async () => {
    const last = Number(b.storage?.getItem(doneKey) ?? 0);
    if (Math.abs(b.now() - last) < freshMS) return true;
    const response = await b.fetch('/api/v1/auth/refresh', {
      method: 'POST',
      headers: { Accept: 'application/json' },
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(timeoutMS),
    });
    if (response.ok) {
      b.storage?.setItem(doneKey, String(b.now()));
      return true;
    }
    if (response.status === 401 || response.status === 403) return false;
    throw new Error(`refresh: ${response.status}`);
  });
}

async function inTurn<T>(b: Browser, work: () => Promise<T>): Promise<T> {
  if (b.locks) return b.locks.request(lockName, work);
  return underLease(b, work);
}

/** underLease does what a lock does, as well as it can be done with storage alone. */
async function underLease<T>(b: Browser, work: () => Promise<T>): Promise<T> {
  if (!b.storage) return work();
  const key = lockName;
  const mine = Math.random().toString(36).slice(2);
  for (const end = b.now() + 2 * timeoutMS; b.now() < end; await b.wait(100)) {
    const [, until = '0'] = (b.storage.getItem(key) ?? '').split(' ');
    if (Number(until) > b.now()) continue;
    b.storage.setItem(key, `${mine} ${b.now() + timeoutMS + 2000}`);
    await b.wait(50); // whoever wrote at the same time: the last one has it
    if (b.storage.getItem(key)?.startsWith(mine)) break;
  }
  try {
    return await work();
  } finally {
    if (b.storage.getItem(key)?.startsWith(mine)) b.storage.removeItem(key);
  }
}

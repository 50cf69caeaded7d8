import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallError, type Listener, type Realtime } from '../realtime';
import { tell } from '../realtime/topic';
import { Calls } from './calls';
import type { Ringing } from './protocol';

const nowMS = Date.parse('2026-05-01T12:00:00Z');

function ring(id: string, until = '2026-05-01T12:00:45Z'): Ringing {
  return {
    call: { id, kind: 'direct', state: 'ringing', video: true, started_at: '2026-05-01T12:00:00Z', rings_until: until },
    from: { username: 'ada', display_name: 'Ada' },
  };
}

const seat = { call: ring('1').call, participant: 'me', topic: 'call:me.secret', ice_servers: [], ice_expires: '2999-01-01T00:00:00Z' };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Calls on a socket that the test plays. */
function start(answers: Record<string, unknown> = {}) {
  let mine: Listener | undefined;
  const called: string[] = [];
  const socket = {
    clock: { nowMS: () => nowMS },
    mine: (l: Listener) => {
      mine = l;
      return () => (mine = undefined);
    },
    topic: () => () => undefined,
    call: async (method: string) => {
      called.push(method);
      const answer = answers[method] ?? {};
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as unknown as Realtime;
  const calls = new Calls(socket);
  return { calls, called, tell: (type: string, data: unknown) => mine && tell(mine, { type, data }), back: () => mine?.onSubscribed?.() };
}

const ids = (calls: Calls) => calls.ringing.value.map((r) => r.call.id);

describe('calls of a page', () => {
  it('ring until they are stopped, or for as long as they may', () => {
    const { calls, tell } = start();
    tell('call.ringing', ring('1'));
    tell('call.ringing', ring('1'));
    tell('call.ringing', ring('2'));
    expect(ids(calls)).toEqual(['1', '2']);
    tell('call.stopped', { call: '1', why: 'answered', device: 'x' });
    expect(ids(calls)).toEqual(['2']);
    vi.advanceTimersByTime(60_000);
    expect(ids(calls)).toEqual([]);
  });

  it('ring also for a page that was opened meanwhile, or was away', async () => {
    const { calls, tell, back } = start({ 'call.current': { ringing: [ring('2')], participant: 'mine', here: false } });
    tell('call.ringing', ring('1'));
    back();
    await vi.advanceTimersByTimeAsync(0);
    expect(ids(calls)).toEqual(['2']);
    expect(calls.elsewhere.value).toBe('mine');
  });

  it('are taken, and stop ringing here', async () => {
    const { calls, tell, called } = start({ 'call.accept': seat });
    tell('call.ringing', ring('1'));
    const call = await calls.accept('1', null);
    expect(call.participant).toBe('me');
    expect(ids(calls)).toEqual([]);
    expect(called).toEqual(['call.accept']);
  });

  it('tell why one cannot be made', async () => {
    const { calls } = start({ 'call.start': new CallError(409, 'callee_busy') });
    await expect(calls.start('bob', null)).rejects.toMatchObject({ code: 'callee_busy' });
  });
});

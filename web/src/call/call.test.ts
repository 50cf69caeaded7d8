import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CallError, type Listener } from '../realtime';
import { tell } from '../realtime/topic';
import { Call } from './call';
import { FakeConnection } from './fake-connection';
import type { PeerInfo, Seat } from './protocol';

const tracks = [{ kind: 'video', enabled: true }];
const stream = { getTracks: () => tracks } as unknown as MediaStream;

const seat: Seat = {
  call: { id: 'c', kind: 'direct', state: 'ringing', video: true, started_at: '2026-05-01T12:00:00Z' },
  participant: 'me',
  topic: 'call:me.secret',
  ice_servers: [{ urls: 'turn:relay' }],
  ice_expires: '2026-05-01T12:00:00Z',
};

const bob: PeerInfo = {
  participant: 'bob',
  user: { username: 'bob', display_name: 'Bob' },
  session: '1',
  here: true,
  offers: true,
  polite: false,
};

beforeEach(() => void vi.stubGlobal('MediaStream', Object));
afterEach(() => vi.unstubAllGlobals());

/** A call on a socket that the test plays. */
function start() {
  const calls: { method: string; params: Record<string, unknown> }[] = [];
  const connections: FakeConnection[] = [];
  let listener: Listener | undefined;
  const refusals: CallError[] = [];
  const call = new Call(
    {
      call: async (method, params) => {
        const refusal = method === 'call.signal' ? refusals.shift() : undefined;
        if (refusal) throw refusal;
        calls.push({ method, params: params as Record<string, unknown> });
        return {} as never;
      },
      topic: (name, l) => {
        expect(name).toBe('call:me.secret');
        listener = l;
        return () => (listener = undefined);
      },
    },
    seat,
    stream,
    {
      iceServers: async () => ({ ice_servers: [{ urls: 'turn:fresh' }], expires_at: '2999-01-01T00:00:00Z' }),
      connect: () => {
        const fake = new FakeConnection(`#${connections.length}`);
        connections.push(fake);
        return fake.asConnection;
      },
    },
  );
  const event = async (type: string, data: unknown) => {
    if (listener) tell(listener, { type, data });
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  const state = (...peers: PeerInfo[]) => event('call.state', { call: { ...seat.call, state: 'active' }, participant: 'me', peers });
  const sent = (method: string) => calls.filter((c) => c.method === method).map((c) => c.params);
  return { call, calls, connections, event, state, sent, refusals, listens: () => listener !== undefined, end: (e: CallError) => listener?.onEnd?.(e) };
}

describe('a call', () => {
  it('connects to those who are there, and waits for those who are not', async () => {
    const { call, event, state, sent, connections } = start();
    await state({ ...bob, here: false });
    expect(sent('call.signal')).toEqual([]);
    await event('call.peer', bob);
    expect(sent('call.signal')).toMatchObject([{ participant: 'me', to: 'bob', description: { type: 'offer' } }]);
    expect(call.info.value.state).toBe('active');
    expect(call.others.value).toMatchObject([{ participant: 'bob', here: true }]);
    await event('call.signal', { from: 'bob', description: { type: 'answer', sdp: 'bob answers #0 1' } });
    expect(connections[0]?.signalingState).toBe('stable');
    await event('call.signal', { from: 'stranger', description: { type: 'offer', sdp: 'x' } });
    expect(connections).toHaveLength(1);
    await event('call.media', { participant: 'bob', audio: true, video: false, screen: false });
    expect(call.others.value[0]?.media?.audio).toBe(true);
  });

  it('looks for a way anew when its socket has come back, with fresh servers', async () => {
    const { state, connections, sent } = start();
    await state(bob);
    await state(bob);
    expect(connections[0]?.restarts).toBe(1);
    expect(sent('call.media').length).toBeGreaterThan(1);
  });

  it('repeats an unanswered offer for who has come back, and connects anew to another device', async () => {
    const { event, state, connections, sent } = start();
    await state(bob);
    await event('call.peer', { ...bob, here: false });
    await event('call.peer', bob);
    expect(sent('call.signal')).toHaveLength(2);
    await event('call.peer', { ...bob, session: '2' });
    expect(connections).toHaveLength(2);
    expect(connections[0]?.signalingState).toBe('closed');
    await event('call.left', { participant: 'bob' });
    expect(connections[1]?.signalingState).toBe('closed');
  });

  it('sends a signal again that the server could not take', async () => {
    const { state, refusals, sent } = start();
    vi.useFakeTimers();
    refusals.push(new CallError(409, 'not_subscribed'), new CallError(503, 'busy'));
    await state(bob);
    expect(sent('call.signal')).toEqual([]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(sent('call.signal')).toHaveLength(1);
    vi.useRealTimers();
  });

  it.each([
    ['the server says so', 'answered', async (s: ReturnType<typeof start>) => s.event('call.ended', { call: 'c', outcome: 'answered' })],
    ['another device goes on', 'moved', async (s: ReturnType<typeof start>) => s.event('call.moved', { participant: 'me' })],
    ['its place is gone', 'participant_not_found', async (s: ReturnType<typeof start>) => s.end(new CallError(404, 'participant_not_found'))],
    ['this page hangs up', 'left', async (s: ReturnType<typeof start>) => s.call.hangUp()],
  ])('ends when %s', async (_, why, end) => {
    const s = start();
    await s.state(bob);
    await end(s);
    expect(s.call.over.value).toBe(why);
    expect(s.listens()).toBe(false);
    expect(s.connections[0]?.signalingState).toBe('closed');
    expect(s.call.others.value).toEqual([]);
  });

  it('tells what can be seen of it', async () => {
    const { call, state, sent } = start();
    await state(bob);
    call.mute('video', true);
    expect(sent('call.media').at(-1)).toEqual({ participant: 'me', audio: false, video: false, screen: false });
    call.mute('video', false);
    call.setLocal(stream, true);
    expect(sent('call.media').at(-1)).toEqual({ participant: 'me', audio: false, video: true, screen: true });
  });
});

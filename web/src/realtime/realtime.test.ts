import { afterEach, describe, expect, it, vi } from 'vitest';
import { FakeServer, type Command } from './fake-socket';
import { Realtime, type Options } from './realtime';
import type { State } from './state';

declare module './protocol' {
  interface Methods {
    'test.say': { params: { text: string }; result: string };
  }
  interface Events {
    'test.said': string;
  }
}

const ada = { id: 'a', name: 'ada', role: 'user' };

/** What a good server answers. */
function answer(command: Command): object {
  if (command.connect) {
    const user = command.connect.token === 'nobody' ? undefined : ada;
    return { connect: { client: 'c', data: { user, now: Date.now() * 1000 }, ping: 25, pong: true } };
  }
  if (command.subscribe) return { subscribe: { recoverable: true, positioned: true, epoch: 'e', offset: command.subscribe.offset ?? 0 } };
  if (command.rpc?.method === 'clock') return { rpc: { data: { now: Date.now() * 1000 } } };
  return { rpc: { data: 'ok' } };
}

let open: Realtime | undefined;
afterEach(() => open?.disconnect());

function start(server: FakeServer, options: Options = {}): Realtime {
  open = new Realtime({
    url: 'ws://test/api/v1/ws',
    ...options,
    centrifuge: { websocket: server.socketClass, minReconnectDelay: 1, maxReconnectDelay: 2, networkEventTarget: null },
  });
  open.connect();
  return open;
}

const isConnected = (rt: Realtime) => vi.waitFor(() => expect(rt.state.value).toEqual({ is: 'connected' }));

describe('the socket of a page', () => {
  it('calls, listens and comes back without missing anything', async () => {
    const server = new FakeServer(answer);
    const rt = start(server);
    const states: State[] = [];
    rt.state.subscribe((s) => states.push(s));
    const said: string[] = [];
    const leave = rt.topic('chat:stage', { on: { 'test.said': (text) => said.push(text) } });
    await isConnected(rt);
    expect(rt.user.value).toEqual(ada);
    await expect(rt.call('test.say', { text: 'hi' })).resolves.toBe('ok');
    await vi.waitFor(() => expect(server.sent('subscribe')).toHaveLength(1));
    server.last.publish('chat:stage', 'test.said', 'one', 1);
    server.last.publish('chat:stage', 'unknown.type', 'never', 2);
    await vi.waitFor(() => expect(said).toEqual(['one']));

    server.last.drop(3001, 'shutdown');
    await vi.waitFor(() => expect(server.sockets).toHaveLength(2));
    await isConnected(rt);
    await vi.waitFor(() => expect(server.sent('subscribe')[1]).toMatchObject({ channel: 'chat:stage', recover: true, epoch: 'e', offset: 2 }));
    expect(states.map((s) => (s.is === 'connected' ? s.is : s.why))).toEqual(['starting', 'connected', 'lost', 'connected']);

    leave();
    await vi.waitFor(() => expect(server.sent('unsubscribe')).toEqual([{ channel: 'chat:stage' }]));
  });

  it('has a topic once for all who listen, and hears what was missed', async () => {
    const server = new FakeServer((c) => (c.subscribe?.recover ? { subscribe: { recoverable: true, was_recovering: true, recovered: false, epoch: 'f' } } : answer(c)));
    const rt = start(server);
    const gaps: string[] = [];
    const leaveFirst = rt.topic('chat:stage', { onGap: () => gaps.push('first') });
    rt.topic('chat:stage', { onGap: () => gaps.push('second') });
    await isConnected(rt);
    await vi.waitFor(() => expect(server.sent('subscribe')).toHaveLength(1));
    server.last.publish('chat:stage', 'realtime.gap', {});
    await vi.waitFor(() => expect(gaps).toEqual(['first', 'second']));
    leaveFirst();
    server.last.drop(1006);
    await vi.waitFor(() => expect(gaps).toEqual(['first', 'second', 'second']));
  });

  it('says why a call or a subscription is refused', async () => {
    const server = new FakeServer((c) => {
      if (c.subscribe) return { error: { code: 404, message: 'channel_not_found' } };
      if (c.rpc?.method === 'test.say') return { error: { code: 429, message: 'slow_mode retry_after=3', temporary: true } };
      return answer(c);
    });
    const rt = start(server);
    await isConnected(rt);
    await expect(rt.call('test.say', { text: '' })).rejects.toMatchObject({ status: 429, code: 'slow_mode', retryAfterMS: 3000 });
    const end = vi.fn();
    rt.topic('chat:gone', { onEnd: end });
    await vi.waitFor(() => expect(end).toHaveBeenCalledWith(expect.objectContaining({ status: 404, code: 'channel_not_found' })));
  });

  it('refreshes a login that the server finds expired, and one whose cookie is gone', async () => {
    let isExpired = true;
    const server = new FakeServer((c) => (c.connect && isExpired ? { error: { code: 109, message: 'token expired', temporary: true } } : answer(c)));
    const refresh = vi.fn(async () => {
      isExpired = false;
      return true;
    });
    const rt = start(server, { refresh });
    await isConnected(rt);
    expect(refresh).toHaveBeenCalledTimes(1);
    expect(rt.user.value).toEqual(ada);

    let isGone = true;
    const second = new FakeServer((c) => (c.connect && isGone ? answer({ ...c, connect: { token: 'nobody' } }) : answer(c)));
    rt.disconnect();
    const again = start(second, {
      isSignedIn: () => true,
      refresh: async () => {
        isGone = false;
        return true;
      },
    });
    await vi.waitFor(() => expect(again.user.value).toEqual(ada));
  });

  it.each([
    [4500, 'signed_out'],
    [4501, 'banned'],
    [3504, 'too_many'],
    [3501, 'refused'],
  ])('stays offline after %i', async (code, why) => {
    const server = new FakeServer(answer);
    const rt = start(server);
    await isConnected(rt);
    server.last.drop(code, 'bye');
    await vi.waitFor(() => expect(rt.state.value).toEqual({ is: 'offline', why }));
  });

  it('stays offline when the login has ended', async () => {
    const server = new FakeServer(answer);
    const rt = start(server, { token: async () => null });
    await vi.waitFor(() => expect(rt.state.value).toEqual({ is: 'offline', why: 'signed_out' }));
  });

  it('hears what concerns its user', async () => {
    const server = new FakeServer((c) =>
      c.connect
        ? { connect: { client: 'c', data: { user: ada, now: 1 }, ping: 25, pong: true, subs: { 'user:a': { recoverable: true, epoch: 'e', offset: 0 } } } }
        : answer(c),
    );
    const rt = start(server);
    const said: string[] = [];
    rt.mine({ on: { 'test.said': (text) => said.push(text) } });
    await isConnected(rt);
    server.last.publish('user:a', 'test.said', 'to you', 1);
    await vi.waitFor(() => expect(said).toEqual(['to you']));
  });
});

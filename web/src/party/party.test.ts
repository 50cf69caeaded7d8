import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Listener } from '../realtime';
import { FakeMedia, numbers } from './fake-media';
import { Party, type Socket } from './party';
import { positionAt, type PartyState, type Snapshot } from './protocol';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A server with one party, whose clock runs an hour ahead, reached over networks with delays. */
class FakeServer {
  state: PartyState = { seq: 1, item: { id: 'film', kind: 'broadcast', live: false, duration: 600 }, playing: false, position: 0, rate: 1, at: 0, reason: 'created' };
  readonly #guests: { tell: (state: PartyState) => void }[] = [];

  nowMS(): number {
    return performance.now() + 3_600_000;
  }

  act(change: (now: PartyState) => Partial<PartyState>): void {
    const at = this.nowMS() + 300;
    const settled = { ...this.state, position: positionAt(this.state, at), at: at * 1000 };
    this.state = { ...settled, ...change(settled), seq: this.state.seq + 1 };
    for (const guest of this.#guests) guest.tell(this.state);
  }

  socket(delayMS: () => number): Socket {
    const lastMS = [0, 0];
    // Nothing overtakes on a connection.
    const travel = async (way: 0 | 1) => {
      const arrivesMS = Math.max(lastMS[way] ?? 0, performance.now() + delayMS());
      lastMS[way] = arrivesMS;
      await new Promise<void>((done) => setTimeout(done, arrivesMS - performance.now()));
    };
    return {
      call: (async (method: string) => {
        await travel(0);
        const reply = method === 'clock' ? { now: this.nowMS() * 1000 } : method === 'party.state' ? this.snapshot() : {};
        await travel(1);
        return reply;
      }) as Socket['call'],
      topic: (_: string, listener: Listener) => {
        const tell = async (state: PartyState) => {
          await travel(1);
          listener.on?.['party.state']?.(state);
        };
        this.#guests.push({ tell: (state) => void tell(state) });
        void travel(0).then(async () => {
          const snapshot = this.snapshot();
          await travel(1);
          listener.on?.['party.snapshot']?.(snapshot);
        });
        return () => undefined;
      },
    };
  }

  snapshot(): Snapshot {
    return { state: this.state } as Snapshot;
  }
}

function player(random: () => number, driftPPM: number): FakeMedia {
  return new FakeMedia(
    () => 20 + 40 * random(),
    () => 60 + 60 * random(),
    driftPPM,
  );
}

describe('two players over different networks', () => {
  it('show the same', async () => {
    const random = numbers(7);
    const server = new FakeServer();
    const guests = [
      { media: player(random, 40), socket: server.socket(() => 20 + (2 * random() - 1) * 10) },
      { media: player(random, -60), socket: server.socket(() => 150 + (2 * random() - 1) * 60) },
    ];
    const come = ({ media, socket }: { media: FakeMedia; socket: Socket }) => {
      const party = new Party(socket, 'p');
      party.open();
      party.attach(media);
      return media;
    };
    const players = guests.map(come);
    await pass(3000);
    const apart: number[] = [];
    const during = async (ms: number, settleMS: number) => {
      await pass(settleMS);
      for (let t = settleMS; t < ms; t += 37) {
        const times = players.map((m) => m.currentTime);
        apart.push(Math.abs(Math.max(...times) - Math.min(...times)));
        await pass(37);
      }
    };
    server.act(() => ({ playing: true }));
    await during(8000, 2500);
    server.act(() => ({ position: 300 }));
    await during(8000, 2500);
    server.act(() => ({ rate: 1.25 }));
    await during(6000, 2500);
    server.act(() => ({ rate: 1, playing: false }));
    await during(2000, 1500);
    server.act(() => ({ playing: true }));
    await during(6000, 2500);
    players.push(come({ media: player(random, 0), socket: server.socket(() => 150 + (2 * random() - 1) * 60) }));
    await pass(3000);
    await during(6000, 1000);
    apart.sort((a, b) => a - b);
    expect(apart[Math.floor(apart.length * 0.95)]).toBeLessThan(0.03);
    expect(apart.at(-1)).toBeLessThan(0.06);
  });

  it('asks for what not everybody may see', async () => {
    const server = new FakeServer();
    server.state.item = { id: 'film', kind: 'broadcast', live: false, broadcast: 'b' };
    const heard: PartyState[] = [];
    const party = new Party(server.socket(() => 5), 'p', { onState: (s) => heard.push(s) });
    party.open();
    await pass(50);
    const told = { ...server.state, seq: 2, item: { id: 'film', kind: 'broadcast', live: false, private: true } };
    const listener = heard.length;
    expect(listener).toBe(1);
    // The same item again: what it is was told already.
    server.act(() => ({ item: told.item }));
    await pass(50);
    expect(party.latest?.item?.broadcast).toBe('b');
    server.state = { ...server.state, item: { id: 'other', kind: 'broadcast', live: false, broadcast: 'c' } };
    server.act(() => ({ item: { id: 'other', kind: 'broadcast', live: false, private: true } }));
    server.state = { ...server.state, item: { id: 'other', kind: 'broadcast', live: false, broadcast: 'c' } };
    await pass(50);
    expect(party.latest?.item?.broadcast).toBe('c');
    party.close();
  });
});

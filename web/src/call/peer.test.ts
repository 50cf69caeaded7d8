import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeConnection } from './fake-connection';
import { Peer } from './peer';
import type { Signal } from './protocol';

const stream = { getTracks: () => [{ kind: 'audio' }, { kind: 'video' }] } as unknown as MediaStream;

beforeEach(() => {
  vi.stubGlobal('MediaStream', Object);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Two sides, and what goes between them: at once, or when the test says so. */
function pair() {
  const sides = (['greater', 'smaller'] as const).map((name) => ({ name, fake: new FakeConnection(name), sent: [] as Signal[] }));
  const wire = { isCut: false, isHeld: false, held: [] as (() => void)[] };
  const peers: Peer[] = sides.map(({ name, fake, sent }, i) => {
    return new Peer({
      offers: name === 'greater',
      polite: name === 'smaller',
      config: {},
      connect: () => fake.asConnection,
      send: async (signal) => {
        sent.push(signal);
        if (wire.isCut) return;
        const deliver = () => void peers[1 - i]?.receive(signal);
        if (wire.isHeld) wire.held.push(deliver);
        else deliver();
      },
    });
  });
  const [a, b] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const [peerA, peerB] = peers as [Peer, Peer];
  const settle = async () => {
    for (let i = 0; i < 100; i++) await Promise.resolve();
  };
  const areStable = () => expect([a.fake.signalingState, b.fake.signalingState]).toEqual(['stable', 'stable']);
  return { a, b, peerA, peerB, wire, settle, areStable };
}

const typesOf = (signals: Signal[]) => signals.map((s) => s.description?.type ?? 'candidate');

describe('the connection to another participant', () => {
  it('begins with one offer, of the side that was told to', async () => {
    const { a, b, peerA, peerB, settle, areStable } = pair();
    peerB.send(stream);
    await settle();
    expect(b.sent).toEqual([]);
    peerA.send(stream);
    await settle();
    areStable();
    expect(typesOf(a.sent)[0]).toBe('offer');
    expect(typesOf(b.sent)[0]).toBe('answer');
  });

  it('survives offers of both at once: the polite side takes its own back', async () => {
    const { a, b, peerA, peerB, wire, settle, areStable } = pair();
    peerA.send(stream);
    await settle();
    wire.isHeld = true;
    peerA.restart();
    peerB.restart();
    await settle();
    expect([a.fake.signalingState, b.fake.signalingState]).toEqual(['have-local-offer', 'have-local-offer']);
    wire.isHeld = false;
    for (const deliver of wire.held.splice(0).reverse()) deliver();
    await settle();
    areStable();
    expect(a.fake.rounds).toBe(b.fake.rounds);
    expect(a.fake.rounds).toBeGreaterThanOrEqual(3); // both of them had something to say
  });

  it('keeps candidates that come ahead of the first description', async () => {
    const { a, b, peerA, peerB, settle } = pair();
    await peerB.receive({ candidate: { candidate: 'early' } });
    expect(b.fake.candidates).toEqual([]);
    peerA.send(stream);
    await settle();
    expect(b.fake.candidates).toEqual([{ candidate: 'early' }]);
    a.fake.onicecandidate?.({ candidate: { toJSON: () => ({ candidate: 'late' }) } as RTCIceCandidate });
    await settle();
    expect(b.fake.candidates).toHaveLength(2);
  });

  it('sends an offer again that got lost', async () => {
    const { a, peerA, wire, settle, areStable } = pair();
    wire.isCut = true;
    peerA.send(stream);
    await settle();
    expect(a.fake.signalingState).toBe('have-local-offer');
    wire.isCut = false;
    peerA.repeat();
    await settle();
    areStable();

    wire.isCut = true;
    peerA.restart();
    await settle();
    wire.isCut = false;
    await vi.advanceTimersByTimeAsync(8000);
    await settle();
    areStable();
  });

  it('passes over an answer that comes twice', async () => {
    const { a, b, peerA, settle, areStable } = pair();
    peerA.send(stream);
    await settle();
    const answer = b.sent.find((s) => s.description?.type === 'answer') as Signal;
    await peerA.receive(answer);
    areStable();
    expect(a.fake.rounds).toBe(1);
  });

  it('restarts when the connection has failed, and not when it is closed', async () => {
    const { a, peerA, settle, areStable } = pair();
    peerA.send(stream);
    await settle();
    a.fake.connectionState = 'failed';
    a.fake.onconnectionstatechange?.();
    await settle();
    expect(a.fake.restarts).toBe(1);
    areStable();
    peerA.close();
    peerA.restart();
    expect(a.fake.restarts).toBe(1);
    expect(peerA.state.value).toBe('closed');
  });
});

import { expect, it } from 'vitest';
import { Recovery, type PlayerError } from './recovery';

const error = (over: Partial<PlayerError>): PlayerError => ({ fatal: true, kind: 'network', status: undefined, ...over });

it('leaves errors to the player that it can handle', () => {
  expect(new Recovery().cure(0, error({ fatal: false }))).toBe('none');
});

it('loads on after a lost connection, then starts over for as long as it takes', () => {
  const r = new Recovery();
  const cures = Array.from({ length: 50 }, (_, i) => r.cure(i * 1000, error({})));
  expect(cures[0]).toBe('loadOn');
  expect(new Set(cures.slice(1))).toEqual(new Set(['rebuild']));
  expect(r.attempts).toBe(50);
});

it('starts over at once when the server no longer knows the names', () => {
  expect(new Recovery().cure(0, error({ status: 404 }))).toBe('rebuild');
});

it('counts from the start again once the picture has moved', () => {
  const r = new Recovery();
  r.cure(0, error({}));
  r.healthy();
  expect(r.attempts).toBe(0);
  expect(r.cure(1000, error({}))).toBe('loadOn');
});

it('decodes afresh, then starts over, then gives up on a stream that keeps failing', () => {
  const r = new Recovery();
  const cures = Array.from({ length: 7 }, (_, i) => r.cure(i * 1000, error({ kind: 'media' })));
  expect(cures).toEqual(['recoverMedia', 'rebuild', 'rebuild', 'rebuild', 'rebuild', 'rebuild', 'giveUp']);
});

it('forgets media errors of long ago', () => {
  const r = new Recovery();
  r.cure(0, error({ kind: 'media' }));
  expect(r.cure(60_000, error({ kind: 'media' }))).toBe('recoverMedia');
});

it('gives up at once on what the browser cannot decode', () => {
  expect(new Recovery().cure(0, error({ kind: 'unsupported' }))).toBe('giveUp');
});

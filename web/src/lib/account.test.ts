import { afterEach, describe, expect, it, vi } from 'vitest';
import { Submission, wrong } from '../account/submission.svelte';
import { ask, passwordFault, Refusal, refusalFrom, sentence, takeSecret, waitText } from './account';

afterEach(() => void vi.unstubAllGlobals());

describe('takeSecret', () => {
  const at = (hash: string) => ({ hash, pathname: '/account/reset', search: '?x=1' });
  const past = () => ({ state: null, replaceState: vi.fn() });

  it.each([
    ['#token=bsm_a1', 'bsm_a1'],
    ['#x=1&token=bsm_a1', 'bsm_a1'],
    ['#token=%20bsm_a1%20', 'bsm_a1'],
    ['#token=', ''],
    ['#token', ''],
    ['#%', ''],
    ['#other=1', ''],
  ])('reads %s and takes it out of the address', (hash, want) => {
    const history = past();
    expect(takeSecret('token', at(hash), history)).toBe(want);
    expect(history.replaceState).toHaveBeenCalledExactlyOnceWith(null, '', '/account/reset?x=1');
  });
  it('leaves an address without a hash alone', () => {
    const history = past();
    expect(takeSecret('token', at(''), history)).toBe('');
    expect(history.replaceState).not.toHaveBeenCalled();
  });
});

describe('refusalFrom', () => {
  it('shows the detail of a problem', () => {
    const got = refusalFrom(422, { code: 'bad_link', detail: 'this link is not good' });
    expect(got).toMatchObject({ status: 422, code: 'bad_link', message: 'This link is not good.', isBadLink: true });
  });
  it('puts what is wrong beside its field', () => {
    const errors = [{ location: 'body.username', message: 'expected length >= 2' }, { message: 'nowhere' }];
    const got = refusalFrom(422, { code: 'invalid', detail: 'not valid', errors });
    expect(got.fields).toEqual({ username: 'Expected length >= 2.' });
    expect(got.isBadLink).toBe(false);
  });
  it('knows the field of a code', () => {
    const got = refusalFrom(422, { code: 'common_password', detail: 'this password is common' });
    expect(got.fields).toEqual({ password: 'This password is common.' });
  });
  it('takes a token of the wrong form for a bad link', () => {
    const got = refusalFrom(422, { code: 'invalid', errors: [{ location: 'body.token', message: 'too long' }] });
    expect(got.isBadLink).toBe(true);
  });
  it('says how long to wait', () => {
    expect(refusalFrom(429, { detail: 'too many' }, '30').message).toBe('Too many. Try again in 30 seconds.');
  });
  it.each([null, 7, 'html', [], { errors: 'x' }, { errors: [null] }])('has words for %j', (body) => {
    expect(refusalFrom(502, body).message).toContain('could not do this');
  });
});

describe('ask', () => {
  it('sends JSON without cookies', async () => {
    const fetch = vi.fn(async () => new Response(null, { status: 204 }));
    vi.stubGlobal('fetch', fetch);
    await expect(ask('/api/v1/auth/confirm-email', { token: 'bsm_a1' })).resolves.toBeNull();
    expect(fetch).toHaveBeenCalledExactlyOnceWith(
      '/api/v1/auth/confirm-email',
      expect.objectContaining({ method: 'POST', body: '{"token":"bsm_a1"}', credentials: 'omit' }),
    );
  });
  it('throws what the server refuses', async () => {
    const body = JSON.stringify({ code: 'bad_link', detail: 'no' });
    vi.stubGlobal('fetch', async () => new Response(body, { status: 422, headers: { 'Retry-After': '1' } }));
    await expect(ask('/api/v1/auth/confirm-email', { token: 'x' })).rejects.toMatchObject({ code: 'bad_link' });
  });
  it('never repeats what was sent', async () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('failed on bsm_secret');
    });
    const err = await ask('/api/v1/auth/confirm-email', { token: 'bsm_secret' }).catch((e: Error) => e);
    expect(err).toMatchObject({ status: 0 });
    expect(String(err)).not.toContain('bsm_secret');
  });
});

describe('Submission', () => {
  it('sends once, however often it is pressed', async () => {
    const form = new Submission();
    const send = vi.fn(async () => undefined);
    await Promise.all([form.run(send), form.run(send)]);
    await form.run(send);
    expect(send).toHaveBeenCalledOnce();
    expect(form.phase).toBe('done');
  });
  it('can be sent again after a refusal', async () => {
    const form = new Submission();
    await form.run(() => Promise.reject(wrong('login', 'Enter it.')));
    expect(form.phase).toBe('form');
    expect(form.fault('login')).toBe('Enter it.');
    await form.run(async () => undefined);
    expect(form.phase).toBe('done');
    expect(form.problem).toBeNull();
  });
  it('has words for what nobody foresaw', async () => {
    const form = new Submission();
    await form.run(() => Promise.reject(new Error('bsm_secret')));
    expect(form.problem).toBeInstanceOf(Refusal);
    expect(form.problem?.message).not.toContain('bsm_secret');
  });
});

it.each([
  ['short', 'at least'],
  ['a horse that reads', ''],
  ['🐎🐎🐎🐎', 'at least'],
  ['a'.repeat(257), 'at most'],
])('weighs the password %s', (value, want) => {
  const got = passwordFault(value);
  expect(want === '' ? got : got.includes(want)).toBe(want === '' ? '' : true);
});

it.each([
  ['this is it', 'This is it.'],
  ['Done!', 'Done!'],
  [' ', ''],
])('makes a sentence of %j', (text, want) => expect(sentence(text)).toBe(want));

it.each([
  [null, ''],
  ['soon', ''],
  ['0', ''],
  ['1', 'Try again in 1 second.'],
  ['89', 'Try again in 89 seconds.'],
  ['3600', 'Try again in 60 minutes.'],
])('Retry-After %j', (header, want) => expect(waitText(header)).toBe(want));

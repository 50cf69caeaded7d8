import { describe, expect, it } from 'vitest';
import { followable, match, type LinkClick } from './router';

describe('match', () => {
  it.each([
    ['/', { page: 'home' }],
    ['/c/demo', { page: 'watch', slug: 'demo' }],
    ['/c/demo/', { page: 'watch', slug: 'demo' }],
    ['/c/a-1', { page: 'watch', slug: 'a-1' }],
    ['/c/x', { page: 'missing' }],
    ['/c/Upper', { page: 'missing' }],
    ['/c/demo/extra', { page: 'missing' }],
    ['/c/' + 'a'.repeat(41), { page: 'missing' }],
    ['/c/%2e%2e', { page: 'missing' }],
    ['/account/confirm', { page: 'account', slug: 'confirm' }],
    ['/account/reset/', { page: 'account', slug: 'reset' }],
    ['/account/forgot', { page: 'account', slug: 'forgot' }],
    ['/account/restore', { page: 'account', slug: 'restore' }],
    ['/signup', { page: 'account', slug: 'signup' }],
    ['/account', { page: 'missing' }],
    ['/account/signup', { page: 'missing' }],
    ['/elsewhere', { page: 'missing' }],
  ])('%s', (path, want) => {
    expect(match(path)).toEqual(want);
  });
});

describe('followable', () => {
  const origin = 'https://tv.example';
  const click = (over: Partial<LinkClick> = {}): LinkClick => ({
    button: 0,
    modified: false,
    href: origin + '/c/demo',
    target: '',
    download: false,
    ...over,
  });

  it('takes a plain click on a page of ours', () => {
    expect(followable(click(), origin)).toBe('/c/demo');
  });
  it.each([
    ['another button', click({ button: 1 })],
    ['a modifier key', click({ modified: true })],
    ['a new tab', click({ target: '_blank' })],
    ['a download', click({ download: true })],
    ['another site', click({ href: 'https://else.example/c/demo' })],
    ['a path that the server answers', click({ href: origin + '/api/docs' })],
  ])('leaves %s to the browser', (_, given) => {
    expect(followable(given, origin)).toBeNull();
  });
});

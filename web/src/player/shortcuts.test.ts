import { expect, it } from 'vitest';
import { action, type Press } from './shortcuts';

const press = (key: string, over: Partial<Press> = {}): Press => ({ key, modified: false, on: 'page', ...over });

it.each([
  [' ', 'play'],
  ['K', 'play'],
  ['m', 'mute'],
  ['ArrowUp', 'louder'],
  ['ArrowDown', 'quieter'],
  ['?', 'help'],
  ['x', null],
  ['constructor', null],
])('%s', (key, want) => expect(action(press(key))).toBe(want));

it.each<[string, Press]>([
  ['a browser shortcut', press('f', { modified: true })],
  ['typed text', press('m', { on: 'text' })],
  ['space on a button', press(' ', { on: 'button' })],
  ['an arrow on a slider', press('ArrowUp', { on: 'arrows' })],
])('leaves %s alone', (_, given) => expect(action(given)).toBeNull());

it('mutes while a button has the focus', () => {
  expect(action(press('m', { on: 'button' }))).toBe('mute');
});

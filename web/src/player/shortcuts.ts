/** What a key does on a watch page. */
export type Action = 'play' | 'mute' | 'fullscreen' | 'louder' | 'quieter' | 'live' | 'stats' | 'help';

/** The shortcuts as the help sheet lists them. */
export const shortcuts: readonly { keys: readonly string[]; does: string }[] = [
  { keys: ['Space', 'K'], does: 'Play or pause' },
  { keys: ['M'], does: 'Mute or unmute' },
  { keys: ['↑', '↓'], does: 'Volume' },
  { keys: ['F'], does: 'Full screen' },
  { keys: ['L'], does: 'Go to live' },
  { keys: ['S'], does: 'Stream details' },
  { keys: ['?'], does: 'This sheet' },
];

const actions = new Map<string, Action>([
  [' ', 'play'],
  ['k', 'play'],
  ['m', 'mute'],
  ['f', 'fullscreen'],
  ['arrowup', 'louder'],
  ['arrowdown', 'quieter'],
  ['l', 'live'],
  ['s', 'stats'],
  ['?', 'help'],
]);

/** A key press, and what it was pressed on. */
export interface Press {
  key: string;
  modified: boolean;
  /** Where the focus is: in something that takes text, on something that space activates, or in something that takes arrows. */
  on: 'text' | 'button' | 'arrows' | 'page';
}

/** action returns what press means, or null when it belongs to what it was pressed on. */
export function action(press: Press): Action | null {
  if (press.modified || press.on === 'text') return null;
  if (press.on === 'button' && press.key === ' ') return null;
  if (press.on === 'arrows' && (press.key === ' ' || press.key.startsWith('Arrow'))) return null;
  return actions.get(press.key.toLowerCase()) ?? null;
}

/** focusKind says what the focused element does with keys. path is the event's composed path. */
export function focusKind(path: readonly EventTarget[]): Press['on'] {
  const has = (selector: string) => path.some((node) => node instanceof Element && node.matches(selector));
  if (has('input:not([type=range]), textarea, select, [contenteditable]')) return 'text';
  if (has('[role=menu], [role=slider], input[type=range], media-volume-range, dialog')) return 'arrows';
  if (has('button, a[href], [role=button], summary')) return 'button';
  return 'page';
}

/** What a viewer's browser remembers of the sound. */
export interface Sound {
  volume: number;
  muted: boolean;
}

const key = 'bandstand.sound';

/** loadSound returns the remembered sound; full volume when there is none. */
export function loadSound(storage: Pick<Storage, 'getItem'> = localStorage): Sound {
  try {
    const v = JSON.parse(storage.getItem(key) ?? '{}') as Partial<Sound>;
    const volume = typeof v.volume === 'number' && v.volume >= 0 && v.volume <= 1 ? v.volume : 1;
    return { volume, muted: v.muted === true };
  } catch {
    return { volume: 1, muted: false };
  }
}

/** saveSound remembers sound where the browser allows it. */
export function saveSound(sound: Sound, storage: Pick<Storage, 'setItem'> = localStorage): void {
  try {
    storage.setItem(key, JSON.stringify(sound));
  } catch {
    // Storage is full or forbidden: the sound is not remembered, nothing else is lost.
  }
}

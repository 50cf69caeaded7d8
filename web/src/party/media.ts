/** What is needed of a media element; tests have one of their own. */
export interface Media {
  currentTime: number;
  playbackRate: number;
  preload: string;
  readonly paused: boolean;
  readonly seeking: boolean;
  readonly ended: boolean;
  readonly readyState: number;
  readonly duration: number;
  readonly buffered: Ranges;
  readonly seekable: Ranges;
  play(): Promise<void>;
  pause(): void;
}

export interface Ranges {
  readonly length: number;
  start(index: number): number;
  end(index: number): number;
}

/** There is a picture to show, and something to show after it. */
const haveFutureData = 3;

/** canPlay says whether playing would move. */
export function canPlay(media: Media): boolean {
  return media.readyState >= haveFutureData;
}

/** Gaps of this size between what is buffered are passed over by players. */
const gapS = 0.15;

/** aheadS returns how much is buffered from a position on, without a gap. */
export function aheadS(media: Media, fromS: number): number {
  for (let i = 0; i < media.buffered.length; i++) {
    if (media.buffered.start(i) <= fromS + gapS && media.buffered.end(i) > fromS) return media.buffered.end(i) - fromS;
  }
  return 0;
}

/** reachesEnd says whether all that is left is buffered. */
export function reachesEnd(media: Media, fromS: number): boolean {
  return Number.isFinite(media.duration) && fromS + aheadS(media, fromS) >= media.duration - gapS;
}

/** within returns the nearest position that can be sought. */
export function within(media: Media, positionS: number): number {
  const { seekable } = media;
  if (seekable.length === 0) return positionS;
  return Math.min(Math.max(positionS, seekable.start(0)), seekable.end(seekable.length - 1));
}

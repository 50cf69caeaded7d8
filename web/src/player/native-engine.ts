import { delayMS } from '../lib/backoff';
import type { Engine, EngineListener, Snapshot } from './engine';

const retry = { firstMS: 1000, factor: 1.7, maxMS: 10_000 };

/** Seconds before the end of the seekable range at which the system player is live. */
const behindS = 2;

/** NativeEngine plays through the system's own HLS player, where Media Source Extensions are missing. */
export class NativeEngine implements Engine {
  readonly #video: HTMLVideoElement & { getStartDate?(): Date };
  readonly #url: string;
  readonly #listener: EngineListener;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempts = 0;
  #fatalErrors = 0;
  #lastError = '';

  constructor(video: HTMLVideoElement, url: string, listener: EngineListener) {
    this.#video = video;
    this.#url = url;
    this.#listener = listener;
    video.addEventListener('loadedmetadata', this.#ready);
    video.addEventListener('timeupdate', this.#healthy);
    video.addEventListener('ended', this.#finish);
    video.addEventListener('error', this.#onError);
    addEventListener('online', this.#online);
    this.#load();
  }

  select(): void {
    // The system player chooses by itself.
  }

  livePosition(): number | null {
    const { seekable } = this.#video;
    return seekable.length > 0 ? seekable.end(seekable.length - 1) - behindS : null;
  }

  snapshot(): Snapshot {
    const { seekable, currentTime } = this.#video;
    const start = this.#video.getStartDate?.().getTime() ?? NaN;
    return {
      latencyS: seekable.length > 0 ? Math.max(0, seekable.end(seekable.length - 1) - currentTime) : null,
      clockLatencyS: Number.isFinite(start) ? (Date.now() - start) / 1000 - currentTime : null,
      targetS: behindS,
      bandwidthBPS: null,
      playing: -1,
      auto: true,
      fatalErrors: this.#fatalErrors,
      lastError: this.#lastError,
    };
  }

  stuck(): void {
    this.#reloadIn(0);
  }

  resumed(): void {
    // The system player keeps its distance by itself.
  }

  hurry(): void {
    if (this.#timer !== undefined) this.#reloadIn(0);
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#video.removeEventListener('loadedmetadata', this.#ready);
    this.#video.removeEventListener('timeupdate', this.#healthy);
    this.#video.removeEventListener('ended', this.#finish);
    this.#video.removeEventListener('error', this.#onError);
    removeEventListener('online', this.#online);
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  readonly #ready = () => {
    if (this.#video.duration !== Infinity) this.#listener.finished();
    else this.#listener.ready();
  };

  readonly #healthy = () => {
    this.#attempts = 0;
  };

  readonly #finish = () => this.#listener.finished();

  readonly #online = () => this.hurry();

  readonly #onError = () => {
    this.#fatalErrors++;
    this.#lastError = `mediaError ${this.#video.error?.code ?? ''}`;
    this.#reloadIn(delayMS(this.#attempts++, retry));
  };

  #reloadIn(waitMS: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#listener.detaching();
      this.#load();
    }, waitMS);
  }

  #load(): void {
    this.#video.src = this.#url;
    this.#video.load();
  }
}

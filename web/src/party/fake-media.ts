import type { Media, Ranges } from './media';

/** A player for tests, in the time of performance.now(): it needs a while to start and to seek. */
export class FakeMedia implements Media {
  preload = '';
  duration = 600;
  readyState = 4;
  seeks = 0;
  /** Seconds that are buffered ahead; what is sought beyond takes fetchMS. */
  bufferedToS = 600;
  /** What the browser says to play. */
  refuses = '';
  #timeS = 0;
  #sinceMS = performance.now();
  #rate = 1;
  #paused = true;
  #notBeforeMS = 0;
  readonly #startMS: () => number;
  readonly #seekMS: () => number;
  /** How much faster its clock is than that of the page. */
  readonly #drift: number;

  constructor(startMS: () => number = () => 0, seekMS: () => number = () => 0, driftPPM = 0) {
    this.#startMS = startMS;
    this.#seekMS = seekMS;
    this.#drift = 1 + driftPPM / 1e6;
  }

  get currentTime(): number {
    this.#move();
    return this.#timeS;
  }

  set currentTime(timeS: number) {
    this.#move();
    this.seeks++;
    this.#timeS = timeS;
    this.#notBeforeMS = performance.now() + this.#seekMS();
  }

  get playbackRate(): number {
    return this.#rate;
  }

  set playbackRate(rate: number) {
    this.#move();
    this.#rate = rate;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get seeking(): boolean {
    return performance.now() < this.#notBeforeMS;
  }

  get ended(): boolean {
    return this.currentTime >= this.duration;
  }

  get buffered(): Ranges {
    return { length: 1, start: () => 0, end: () => this.bufferedToS };
  }

  get seekable(): Ranges {
    return { length: 1, start: () => 0, end: () => this.duration };
  }

  play(): Promise<void> {
    if (this.refuses) return Promise.reject(Object.assign(new Error(this.refuses), { name: this.refuses }));
    if (this.#paused) {
      this.#move();
      this.#paused = false;
      this.#notBeforeMS = Math.max(this.#notBeforeMS, performance.now() + this.#startMS());
    }
    return Promise.resolve();
  }

  pause(): void {
    this.#move();
    this.#paused = true;
  }

  #move(): void {
    const nowMS = performance.now();
    const fromMS = Math.max(this.#sinceMS, this.#notBeforeMS);
    if (!this.#paused && this.readyState >= 3 && nowMS > fromMS) {
      this.#timeS = Math.min(this.#timeS + ((nowMS - fromMS) / 1000) * this.#rate * this.#drift, this.duration);
    }
    this.#sinceMS = nowMS;
  }
}

/** A generator of numbers between 0 and 1, the same in each run. */
export function numbers(seed: number): () => number {
  return () => {
    seed = (seed * 1664525 + 1013904223) % 2 ** 32;
    return seed / 2 ** 32;
  };
}

/** Silence after which the viewer is told. */
const stalledAfterMS = 1500;

/** Silence after which the player is rebuilt, and again after each further such time. */
const deadAfterMS = 9000;

/** What ProgressWatch makes of a sample. quiet means: nothing new to say. */
export type Progress = 'moving' | 'quiet' | 'stalled' | 'dead';

/** ProgressWatch notices a picture that should move and does not. */
export class ProgressWatch {
  #mediaS = -1;
  #movedMS: number;
  #rebuiltMS: number;
  #stalled = false;

  constructor(nowMS: number) {
    this.#movedMS = nowMS;
    this.#rebuiltMS = nowMS;
  }

  /** sample takes the media time in seconds at nowMS. A paused picture need not move. */
  sample(nowMS: number, mediaS: number, paused: boolean): Progress {
    const moved = mediaS !== this.#mediaS;
    const first = this.#mediaS < 0;
    this.#mediaS = mediaS;
    if (paused || (moved && !first)) {
      this.#movedMS = nowMS;
      this.#rebuiltMS = nowMS;
      this.#stalled = false;
      return moved && !first ? 'moving' : 'quiet';
    }
    if (nowMS - this.#rebuiltMS >= deadAfterMS) {
      this.#rebuiltMS = nowMS;
      return 'dead';
    }
    if (!this.#stalled && nowMS - this.#movedMS >= stalledAfterMS) {
      this.#stalled = true;
      return 'stalled';
    }
    return 'quiet';
  }

  /** seeked forgets the media time, so that a seek or a new source does not count as movement. */
  seeked(): void {
    this.#mediaS = -1;
  }
}

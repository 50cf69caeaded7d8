/** The facts of a player error on which recovery depends. */
export interface PlayerError {
  fatal: boolean;
  kind: 'network' | 'media' | 'unsupported';
  /** HTTP status, when a response caused it. */
  status: number | undefined;
}

/**
 * What to do about an error: nothing, let the media element decode afresh,
 * load on, begin again with the multivariant playlist, or tell the viewer that it cannot be played.
 */
export type Cure = 'none' | 'recoverMedia' | 'loadOn' | 'rebuild' | 'giveUp';

/** Media errors within this time belong to the same trouble. */
const troubleMS = 30_000;

/** Media errors of one trouble after which the stream is given up. */
const maxMediaErrors = 6;

/**
 * Recovery chooses the cure for each error of one player.
 * Network trouble is never given up: a server that restarts comes back under the same address,
 * with other segment names, which is why a repeated or answered error starts from the multivariant playlist.
 */
export class Recovery {
  #networkErrors = 0;
  #mediaErrorsMS: number[] = [];

  /** cure is asked once for each error, at nowMS. */
  cure(nowMS: number, error: PlayerError): Cure {
    if (!error.fatal) return 'none';
    switch (error.kind) {
      case 'unsupported':
        return 'giveUp';
      case 'media': {
        this.#mediaErrorsMS = [...this.#mediaErrorsMS.filter((t) => nowMS - t < troubleMS), nowMS];
        const count = this.#mediaErrorsMS.length;
        if (count > maxMediaErrors) return 'giveUp';
        return count === 1 ? 'recoverMedia' : 'rebuild';
      }
      case 'network': {
        const first = this.#networkErrors++ === 0;
        const answered = error.status !== undefined && error.status >= 400;
        return first && !answered ? 'loadOn' : 'rebuild';
      }
    }
  }

  /** attempts returns how many network errors came in a row; the wait before the next try grows with it. */
  get attempts(): number {
    return this.#networkErrors;
  }

  /** healthy is called when the picture moves. */
  healthy(): void {
    this.#networkErrors = 0;
  }
}

import { Latency } from './latency';
import { aheadS, canPlay, reachesEnd, within, type Media } from './media';
import { positionAt, type PartyState, type Report } from './protocol';

/** What the engine needs of the server's time. */
export interface Time {
  nowMS(): number;
  readonly isReady: boolean;
  readonly rttMS: number;
}

export interface Options {
  media: Media;
  time: Time;
  /**
   * Of what is live: how much is to be added to the media's time for its PROGRAM-DATE-TIME in
   * seconds since 1970; null while that is not known. May change as it plays.
   */
  dateOffsetS?: () => number | null;
  /** Tells the server of the player: when something changes, and every now and then. */
  report?: (report: Omit<Report, 'party'>) => void;
  /** Called when a state has taken effect. */
  onEffect?: (state: PartyState) => void;
  /** Called when the browser refuses to play before somebody has touched the page. Then call unblock. */
  onBlocked?: () => void;
}

/** How often the player is looked at. */
const tickMS = 50;

/** Smaller errors are left alone, once they are; and corrected until they are this small. */
const deadbandS = 0.009;
const correctedS = 0.003;

/** By how much playing is sped up or slowed down, at least and at most, and the time in which an error is to be gone. */
const leastBend = 0.012;
const mostBend = 0.05;
const bendForS = 0.6;

/** Larger errors are corrected by a seek: at any time, and in the moments after a start or a seek. */
const hardS = 0.6;
const freshHardS = 0.16;

/** How many seeks may correct a start, and the rest that a player gets after each. */
const freshTries = 2;
const seekRestMS = 450;

/** A picture that stands still may be this far off. */
const stillS = 0.01;

/** Nothing to play for this long is buffering. */
const starvedMS = 200;

/** Waits between two reports to the server: usually, and while the party waits. */
const reportMS = 5000;
const waitingReportMS = 500;

/** Said to be ahead when everything is. */
const everythingMS = 3_600_000;

/** How something that was told to the player came out is measured this long after it moved. */
const settleMS = 250;

/** What the player was told last, and how long that takes is not known yet. */
interface Attempt {
  latency: Latency;
  movingMS: number | null;
}

/** isOver says whether the end has come: what a player has beyond it, it may play as it likes. */
function isOver(state: PartyState, nowMS: number): boolean {
  const duration = state.item?.live ? undefined : state.item?.duration;
  return duration !== undefined && duration > 0 && positionAt(state, nowMS) >= duration;
}

/**
 * Sync keeps a media element to what the server says. Nothing that happens here changes the state
 * of the party: it comes by hear alone.
 */
export class Sync {
  readonly #options: Options;
  readonly #media: Media;
  readonly #time: Time;
  #state: PartyState | null = null; // in effect
  #coming: PartyState[] = []; // in the order in which they take effect
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #blocked = false;
  #tries = 0;
  #restUntilMS = 0;
  #attempt: Attempt | null = null;
  #errors: number[] = [];
  #bending = false;
  #starvedSinceMS: number | null = null;
  #buffering = false;
  #reportedMS = -Infinity;
  #reportedSeq = -1;
  #stillSeq = -1;
  #stillTries = 0;
  readonly #startLatency = new Latency(0.03, 0.5);
  readonly #seekLatency = new Latency(0.06, 1);
  readonly #fetchLatency = new Latency(0.3, 3); // of seeks to what is not buffered

  constructor(options: Options) {
    this.#options = options;
    this.#media = options.media;
    this.#time = options.time;
  }

  /** The state that is in effect. */
  get state(): PartyState | null {
    return this.#state;
  }

  /** Whether the player has nothing to play. */
  get isBuffering(): boolean {
    return this.#buffering;
  }

  /** errorS tells how far ahead of the party the player is; null while that makes no sense. */
  errorS(): number | null {
    const state = this.#state;
    const target = state && this.#targetS(state);
    return target === null || !state?.playing ? null : this.#media.currentTime - target;
  }

  /** hear takes what the server said. Older states than one that is known are passed over. */
  hear(state: PartyState): void {
    const latest = this.#coming.at(-1) ?? this.#state;
    if (latest && state.seq < latest.seq) return;
    if (latest && state.seq === latest.seq) {
      // The same again, perhaps with more of the item.
      if (latest === this.#state) this.#state = state;
      else this.#coming.splice(-1, 1, state);
      return;
    }
    this.#coming.push(state);
    if (this.#running) this.#tick();
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#media.preload = 'auto';
    this.#fresh();
    this.#tick();
  }

  /** stop leaves the player as it is, but for its rate. */
  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
    this.#media.playbackRate = this.#state?.rate ?? 1;
  }

  /** unblock has the player play again, now that somebody has touched the page. */
  unblock(): void {
    this.#blocked = false;
    this.#fresh();
    if (this.#running) this.#tick();
  }

  readonly #tick = () => {
    clearTimeout(this.#timer);
    if (!this.#running) return;
    if (this.#time.isReady) {
      this.#takeEffect();
      this.#steer();
      this.#watch();
    }
    this.#timer = setTimeout(this.#tick, this.#untilNextMS());
  };

  /** The next look is at the instant at which something takes effect, if that comes before. */
  #untilNextMS(): number {
    const next = this.#coming[0];
    if (!next || !this.#time.isReady) return tickMS;
    return Math.min(tickMS, Math.max(0, this.#effectMS(next) - this.#time.nowMS()));
  }

  /** A player that stands still is told to play a little early, as it takes a while. */
  #effectMS(state: PartyState): number {
    const standing = this.#state !== null && !this.#state.playing && this.#media.paused && state.playing;
    const same = standing && state.item?.id === this.#state?.item?.id && Math.abs(state.position - (this.#state?.position ?? 0)) < stillS;
    return state.at / 1000 - (same ? this.#startLatency.knownS * 1000 : 0);
  }

  #takeEffect(): void {
    for (;;) {
      const next = this.#coming[0];
      if (!next || this.#effectMS(next) > this.#time.nowMS() + 1) return;
      this.#coming.shift();
      const before = this.#state;
      this.#state = next;
      const expected = before ? positionAt(before, next.at / 1000) : null;
      const moved = expected === null || before?.item?.id !== next.item?.id || Math.abs(next.position - expected) > stillS;
      if (moved || next.playing !== before?.playing) this.#fresh();
      if (next.rate !== before?.rate || !next.playing) this.#media.playbackRate = next.rate;
      if (before?.item?.id !== next.item?.id) this.#starvedSinceMS = null;
      this.#bending = false;
      this.#options.onEffect?.(next);
    }
  }

  #fresh(): void {
    this.#tries = freshTries;
    this.#errors = [];
    this.#restUntilMS = 0;
    this.#attempt = null;
  }

  /** Where the media should be now; null if that is not known. */
  #targetS(state: PartyState, aheadByS = 0): number | null {
    if (!state.item || state.item.forbidden) return null;
    const offset = state.item.live ? (this.#options.dateOffsetS?.() ?? null) : 0;
    if (offset === null) return null;
    return within(this.#media, positionAt(state, this.#time.nowMS()) - offset + aheadByS * state.rate);
  }

  #steer(): void {
    const state = this.#state;
    const target = state && this.#targetS(state);
    if (!state || target === null) return;
    if (!state.playing) this.#stand(state, target);
    else if (this.#media.paused) this.#begin(state, target);
    else this.#follow(state, target);
  }

  /** #stand has the player stop, and show the picture at which all do. */
  #stand(state: PartyState, targetS: number): void {
    const media = this.#media;
    this.#attempt = null;
    if (!media.paused) media.pause();
    if (media.seeking || Math.abs(media.currentTime - targetS) <= stillS) return;
    if (this.#stillSeq !== state.seq) {
      this.#stillSeq = state.seq;
      this.#stillTries = freshTries;
    }
    if (this.#stillTries-- > 0) media.currentTime = targetS;
  }

  /** #begin has a player that stands play. */
  #begin(state: PartyState, targetS: number): void {
    const media = this.#media;
    if (this.#blocked || media.seeking || (media.ended && targetS >= media.duration - stillS)) return;
    if (isOver(state, this.#time.nowMS()) && media.currentTime >= targetS) return;
    const startS = this.#targetS(state, this.#startLatency.knownS) ?? targetS;
    // What is a little behind catches up sooner by playing than by a seek.
    if (Math.abs(media.currentTime - startS) > freshHardS && this.#tries > 0) {
      this.#tries--;
      this.#seek(state);
    } else {
      this.#attempt = { latency: this.#startLatency, movingMS: null };
      this.#errors = [];
    }
    media.play().catch((err: unknown) => {
      if ((err as { name?: string }).name !== 'NotAllowedError') return; // a pause that came in between
      this.#blocked = true;
      this.#options.onBlocked?.();
    });
  }

  /** #follow keeps a player that plays with the others. */
  #follow(state: PartyState, targetS: number): void {
    const media = this.#media;
    const nowMS = this.#time.nowMS();
    if (media.seeking || isOver(state, nowMS)) return;
    const error = media.currentTime - targetS;
    if (!canPlay(media)) {
      // It waits for data: if for those of another place, they will never help.
      if (Math.abs(error) > hardS && nowMS >= this.#restUntilMS) this.#seek(state);
      return;
    }
    this.#errors = [...this.#errors, error].slice(-3);
    this.#learn(error / state.rate, nowMS);
    if (nowMS < this.#restUntilMS || this.#errors.length < 3) return;
    const middle = [...this.#errors].sort((a, b) => a - b)[1] ?? error;
    if (Math.abs(middle) > (this.#tries > 0 ? freshHardS : hardS) * Math.max(1, state.rate)) {
      this.#tries = Math.max(0, this.#tries - 1);
      this.#seek(state);
      return;
    }
    this.#bend(state, middle / state.rate);
  }

  #seek(state: PartyState): void {
    const media = this.#media;
    const plainS = this.#targetS(state) ?? 0;
    const latency = aheadS(media, plainS) > 0.5 ? this.#seekLatency : this.#fetchLatency;
    media.currentTime = this.#targetS(state, latency.knownS) ?? plainS;
    media.playbackRate = state.rate;
    this.#bending = false;
    this.#errors = [];
    this.#attempt = { latency, movingMS: null };
    this.#restUntilMS = this.#time.nowMS() + seekRestMS;
  }

  /** #learn finds out how well the last attempt had allowed for the time that it takes. */
  #learn(errorS: number, nowMS: number): void {
    const attempt = this.#attempt;
    if (!attempt) return;
    attempt.movingMS ??= nowMS;
    if (nowMS - attempt.movingMS < settleMS) return;
    this.#attempt = null;
    attempt.latency.late(-errorS);
  }

  /** #bend corrects an error by playing a little faster or slower. */
  #bend(state: PartyState, errorS: number): void {
    const far = Math.abs(errorS) > (this.#bending ? correctedS : deadbandS);
    this.#bending = far && this.#attempt === null;
    const size = Math.min(Math.max(Math.abs(errorS) / bendForS, leastBend), mostBend);
    const bend = this.#bending ? -Math.sign(errorS) * size : 0;
    const rate = state.rate * (1 + bend);
    if (Math.abs(rate - this.#media.playbackRate) > 0.002 || bend === 0) {
      if (this.#media.playbackRate !== rate) this.#media.playbackRate = rate;
    }
  }

  /** #watch finds out whether the player has something to play, and tells the server. */
  #watch(): void {
    const state = this.#state;
    if (!state?.item) return;
    const media = this.#media;
    const nowMS = this.#time.nowMS();
    const known = this.#targetS(state) !== null;
    const all = known && (media.ended || reachesEnd(media, media.currentTime));
    const starved = !state.item.forbidden && (!known || (!canPlay(media) && !all));
    if (!starved) this.#starvedSinceMS = null;
    else this.#starvedSinceMS ??= nowMS;
    const buffering = this.#starvedSinceMS !== null && nowMS - this.#starvedSinceMS >= starvedMS;
    const waiting = (state.waiting_for?.length ?? 0) > 0;
    const due = nowMS - this.#reportedMS >= (waiting ? waitingReportMS : reportMS);
    const changed = buffering !== this.#buffering || (state.seq !== this.#reportedSeq && (buffering || !starved));
    this.#buffering = buffering;
    if (!due && !changed) return;
    this.#reportedMS = nowMS;
    this.#reportedSeq = state.seq;
    this.#options.report?.({
      seq: state.seq,
      buffering,
      buffered_ms: all || state.item.forbidden ? everythingMS : Math.round(aheadS(media, media.currentTime) * 1000),
      position: media.currentTime,
      rtt_ms: Math.round(this.#time.rttMS),
    });
  }
}

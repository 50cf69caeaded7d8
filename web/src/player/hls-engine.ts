import Hls, { ErrorDetails, ErrorTypes, Events, type ErrorData, type HlsConfig, type Level } from 'hls.js';
import { delayMS } from '../lib/backoff';
import type { Engine, EngineListener, Snapshot } from './engine';
import { qualities } from './levels';
import { Recovery, type PlayerError } from './recovery';

/** Waits before a broken stream is asked for again. */
const retry = { firstMS: 400, factor: 1.7, maxMS: 8000 };

/** A playlist that has not been answered for this long is taken for lost; a blocking reload takes at most 10 s. */
const playlistLostMS = 12_000;

/** Seconds of announced media ahead of a picture that stands still, which show that the fault is here. */
const aheadS = 2.5;

/** Answers that a request must give before it is tried again. Blocking reloads are held by the server for up to 10 s. */
const loadPolicy = (firstByteMS: number, timeouts = 1) => ({
  default: {
    maxTimeToFirstByteMs: firstByteMS,
    maxLoadTimeMs: 20_000,
    timeoutRetry: { maxNumRetry: timeouts, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: 2, retryDelayMs: 250, maxRetryDelayMs: 1000 },
  },
});

const config: Partial<HlsConfig> = {
  // fMP4 needs no transmuxing worth a worker, and a worker would need a wider content security policy.
  enableWorker: false,
  lowLatencyMode: true,
  // Catches up without an audible change of pitch. The distance is the playlist's PART-HOLD-BACK, or HOLD-BACK
  // without parts, for as long as no liveSync option is set here.
  maxLiveSyncPlaybackRate: 1.08,
  liveSyncOnStallIncrease: 0.25,
  backBufferLength: 60,
  maxBufferLength: 20,
  capLevelToPlayerSize: true,
  abrEwmaDefaultEstimate: 5_000_000,
  manifestLoadPolicy: loadPolicy(8000),
  // hls.js itself gives a blocking reload a few parts' time only. While the publisher is away all of them run out,
  // which is no error; a server that is away is noticed by stuck.
  playlistLoadPolicy: loadPolicy(11_000, 1000),
  fragLoadPolicy: loadPolicy(8000),
};

function describe(data: ErrorData): PlayerError {
  const unsupported =
    data.details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR ||
    data.details === ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR;
  const media = data.type === ErrorTypes.MEDIA_ERROR || data.type === ErrorTypes.MUX_ERROR;
  return {
    fatal: data.fatal,
    kind: unsupported ? 'unsupported' : media ? 'media' : 'network',
    status: data.response?.code,
  };
}

function facts(level: Level) {
  return {
    width: level.width,
    height: level.height,
    frameRate: level.frameRate,
    bitrateBPS: level.bitrate,
    name: level.name || level.attrs['STABLE-VARIANT-ID'],
    url: level.uri,
  };
}

/** HlsEngine plays through hls.js and Media Source Extensions. */
export class HlsEngine implements Engine {
  readonly #video: HTMLVideoElement;
  readonly #url: string;
  readonly #listener: EngineListener;
  readonly #recovery = new Recovery();
  #hls: Hls;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #playlistMS = performance.now();
  #chosen: number | null = null;
  #fatalErrors = 0;
  #lastError = '';
  #over = false;

  static supported(): boolean {
    return Hls.isSupported();
  }

  constructor(video: HTMLVideoElement, url: string, listener: EngineListener) {
    this.#video = video;
    this.#url = url;
    this.#listener = listener;
    video.addEventListener('timeupdate', this.#healthy);
    video.addEventListener('ended', this.#finish);
    addEventListener('online', this.#online);
    this.#hls = this.#build();
  }

  select(index: number | null): void {
    this.#chosen = index;
    this.#hls.loadLevel = index ?? -1;
  }

  livePosition(): number | null {
    return this.#hls.liveSyncPosition;
  }

  snapshot(): Snapshot {
    const hls = this.#hls;
    const shownAt = hls.playingDate;
    const live = hls.latestLevelDetails?.live === true;
    return {
      latencyS: live ? hls.latency : null,
      clockLatencyS: live && shownAt ? (Date.now() - shownAt.getTime()) / 1000 : null,
      targetS: live ? hls.targetLatency : null,
      bandwidthBPS: Number.isFinite(hls.bandwidthEstimate) ? hls.bandwidthEstimate : null,
      playing: hls.currentLevel,
      auto: this.#chosen === null,
      fatalErrors: this.#fatalErrors,
      lastError: this.#lastError,
    };
  }

  stuck(): void {
    const edge = this.#hls.latestLevelDetails?.edge;
    const lost = performance.now() - this.#playlistMS > playlistLostMS;
    // A playlist that is answered and does not grow is a publisher's outage: a new player would see no more.
    if (lost || (edge !== undefined && edge - this.#video.currentTime > aheadS)) this.#rebuildIn(0);
  }

  resumed(): void {
    const details = this.#hls.latestLevelDetails;
    const distanceS = details?.partHoldBack || details?.holdBack;
    // Forgets that hls.js added to the distance for a stall that no distance would have prevented.
    if (distanceS) this.#hls.targetLatency = distanceS;
  }

  hurry(): void {
    if (this.#timer !== undefined) this.#rebuildIn(0);
  }

  destroy(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#video.removeEventListener('timeupdate', this.#healthy);
    this.#video.removeEventListener('ended', this.#finish);
    removeEventListener('online', this.#online);
    this.#hls.destroy();
  }

  readonly #healthy = () => this.#recovery.healthy();

  readonly #online = () => this.hurry();

  readonly #finish = () => {
    if (!this.#over) this.#listener.finished();
  };

  #build(): Hls {
    const hls = new Hls(config);
    let first = true;
    this.#playlistMS = performance.now();
    hls.on(Events.MANIFEST_PARSED, () => {
      this.#listener.qualities(qualities(hls.levels.map(facts)));
      if (this.#chosen !== null && this.#chosen < hls.levels.length) hls.loadLevel = this.#chosen;
      this.#listener.ready();
    });
    hls.on(Events.LEVEL_LOADED, (_, { details }) => {
      this.#playlistMS = performance.now();
      // A stream that is over before its first picture is not replayed: this page shows what is live.
      if (first && !details.live) this.#finish();
      first = false;
    });
    hls.on(Events.ERROR, (_, data) => this.#onError(data));
    hls.loadSource(this.#url);
    hls.attachMedia(this.#video);
    return hls;
  }

  #onError(data: ErrorData): void {
    const error = describe(data);
    if (error.fatal) {
      this.#fatalErrors++;
      this.#lastError = error.status ? `${data.details} ${error.status}` : data.details;
    }
    if (this.#over || this.#timer !== undefined) return;
    switch (this.#recovery.cure(performance.now(), error)) {
      case 'recoverMedia':
        this.#listener.detaching();
        this.#hls.recoverMediaError();
        this.#listener.ready();
        break;
      case 'loadOn':
        this.#hls.startLoad();
        break;
      case 'rebuild':
        this.#rebuildIn(delayMS(this.#recovery.attempts, retry));
        break;
      case 'giveUp':
        this.#over = true;
        this.#listener.failed(data.details);
        break;
    }
  }

  #rebuildIn(waitMS: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#over) return;
      this.#listener.detaching();
      this.#hls.destroy();
      this.#hls = this.#build();
    }, waitMS);
  }
}

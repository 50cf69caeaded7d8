import { createEngine, type Engine, type Snapshot } from './engine';
import { Follower, smooth } from './latency';
import { onScreen, type Quality } from './levels';
import type { Event } from './machine';
import { loadSound, saveSound } from './prefs';
import { ProgressWatch } from './progress';

/** Time between two looks at the video. */
const tickMS = 250;

const nothing: Snapshot = {
  latencyS: null,
  clockLatencyS: null,
  targetS: null,
  bandwidthBPS: null,
  playing: -1,
  auto: true,
  fatalErrors: 0,
  lastError: '',
};

/** What the browser lets the player do only after a tap: sound, or playing at all. */
export type Tap = 'none' | 'unmute' | 'play';

/**
 * Player plays one stream in one video element: it owns the engine, watches the picture,
 * keeps to the live edge, and tells send what happens. Its fields are what the page shows.
 */
export class Player {
  qualities = $state.raw<Quality[]>([]);
  snapshot = $state.raw<Snapshot>(nothing);
  /** The rendition on screen. */
  active = $state.raw<Quality | undefined>(undefined);
  latencyS = $state<number | null>(null);
  bufferS = $state(0);
  droppedFrames = $state(0);
  size = $state('');
  tap = $state<Tap>('none');
  /** The viewer is behind the live edge by choice. */
  held = $state(false);
  /** The last picture is shown while the video has none. */
  frozen = $state(false);
  failure = $state('');

  readonly #video: HTMLVideoElement;
  readonly #still: HTMLCanvasElement;
  readonly #send: (event: Event) => void;
  readonly #follower = new Follower();
  readonly #watch = new ProgressWatch(performance.now());
  readonly #listeners = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #engine: Engine | null = null;
  #detached = true; // the video has no source of ours, its pausing means nothing
  #outage = false; // the picture has stood still long enough to say so
  #willing = true; // the viewer wants the picture to move

  /** The Player owns video's source and the picture in still until destroy. */
  constructor(video: HTMLVideoElement, still: HTMLCanvasElement, url: string, send: (event: Event) => void) {
    this.#video = video;
    this.#still = still;
    this.#send = send;
    const sound = loadSound();
    video.volume = sound.volume;
    video.muted = sound.muted;
    const on = (type: string, listener: () => void) =>
      video.addEventListener(type, listener, { signal: this.#listeners.signal });
    on('pause', () => this.#onPause());
    on('play', () => (this.#willing = true));
    on('seeking', () => this.#watch.seeked());
    on('volumechange', () => this.#onVolume());
    this.#timer = setInterval(() => this.#tick(), tickMS);
    void this.#start(url);
  }


  select(index: number | null): void {
    this.#engine?.select(index);
    this.#look();
  }

  /** goLive shows the newest picture and stays with it. */
  goLive(): void {
    this.#follower.release();
    this.held = false;
    this.#jump();
    void this.#play();
  }

  toggle(): void {
    if (this.#video.paused) void this.#play();
    else this.#video.pause();
  }

  toggleMuted(): void {
    this.#video.muted = !this.#video.muted;
    if (!this.#video.muted && this.#video.volume === 0) this.#video.volume = 0.5;
  }

  /** changeVolume makes the sound louder or quieter by a share of full volume. */
  changeVolume(by: number): void {
    this.#video.volume = Math.min(1, Math.max(0, this.#video.volume + by));
    this.#video.muted = this.#video.volume === 0;
  }

  /** tapped does what the browser wanted a tap for. */
  tapped(): void {
    this.#video.muted = false;
    this.tap = 'none';
    if (this.#video.paused) this.goLive();
  }

  /** hurry is called when the channel is known to be live, to try again at once. */
  hurry(): void {
    this.#engine?.hurry();
  }

  destroy(): void {
    clearInterval(this.#timer);
    this.#listeners.abort();
    this.#engine?.destroy();
  }

  async #start(url: string): Promise<void> {
    try {
      const engine = await createEngine(this.#video, url, {
        ready: () => {
          this.#detached = false;
          if (this.#willing) void this.#play();
        },
        detaching: () => this.#detach(),
        qualities: (qualities) => (this.qualities = qualities),
        finished: () => this.#send('finished'),
        failed: (reason) => this.#fail(reason),
      });
      if (this.#listeners.signal.aborted) engine.destroy();
      else this.#engine = engine;
    } catch {
      this.#fail('playerNotLoaded');
    }
  }

  #fail(reason: string): void {
    this.failure = reason;
    this.#send('failed');
  }

  /** Tries with the sound that the viewer likes, then without any; browsers refuse sound before the first click. */
  async #play(): Promise<void> {
    const video = this.#video;
    try {
      await video.play();
      if (this.tap === 'play') this.tap = 'none';
      return;
    } catch (err) {
      if (!(err instanceof DOMException) || err.name !== 'NotAllowedError') return;
    }
    if (video.muted) {
      this.tap = 'play';
      return;
    }
    video.muted = true;
    this.tap = 'unmute';
    await this.#play();
  }

  #onPause(): void {
    if (this.#detached || this.#video.ended) return;
    this.#willing = false;
    this.#follower.hold();
    this.held = true;
  }

  #onVolume(): void {
    const { muted, volume } = this.#video;
    if (!muted && this.tap === 'unmute') this.tap = 'none';
    // Silence that the browser asked for is not the viewer's wish.
    if (this.tap === 'none') saveSound({ volume, muted });
  }

  /** Keeps the last picture on screen while the video has no source. */
  #detach(): void {
    this.#detached = true;
    this.#watch.seeked();
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (width === 0 || this.frozen) return;
    this.#still.width = width;
    this.#still.height = height;
    this.#still.getContext('2d')?.drawImage(this.#video, 0, 0);
    this.frozen = true;
  }

  #jump(): void {
    const position = this.#engine?.livePosition() ?? null;
    if (position !== null) this.#video.currentTime = position;
  }

  #tick(): void {
    const now = performance.now();
    const waiting = this.#video.paused && (!this.#willing || this.tap === 'play');
    const progress = this.#watch.sample(now, this.#video.currentTime, waiting);
    if (progress === 'moving') {
      this.frozen = false;
      if (this.#outage) this.#engine?.resumed();
      this.#outage = false;
      this.#send('progress');
      const latencyS = this.#engine?.snapshot().latencyS ?? null;
      if (latencyS !== null && this.#follower.shouldJump(now, latencyS)) this.#jump();
    } else if (progress === 'stalled') {
      this.#outage = true;
      this.#send('stalled');
    } else if (progress === 'dead') {
      this.#engine?.stuck();
    }
    // A browser that wants a tap before it plays has all it needs: that is not connecting any more.
    if (this.tap === 'play') this.#send('progress');
    this.#look();
  }

  /** Brings the fields up to date with the video. */
  #look(): void {
    const video = this.#video;
    this.snapshot = this.#engine?.snapshot() ?? nothing;
    const { latencyS } = this.snapshot;
    this.latencyS = latencyS === null ? null : smooth(this.latencyS, latencyS);
    this.active = onScreen(this.qualities, this.snapshot.playing, video.videoHeight);
    this.bufferS = bufferedAhead(video);
    this.droppedFrames = video.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0;
    this.size = video.videoWidth > 0 ? `${video.videoWidth} × ${video.videoHeight}` : '';
  }
}

/** bufferedAhead returns the seconds of media that video holds beyond its present time. */
function bufferedAhead(video: HTMLVideoElement): number {
  const { buffered, currentTime } = video;
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= currentTime && currentTime <= buffered.end(i)) return buffered.end(i) - currentTime;
  }
  return 0;
}

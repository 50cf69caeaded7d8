import type { Quality } from './levels';

/** What an engine tells its player. */
export interface EngineListener {
  /** ready is called when the video may be asked to play: at the start and after each rebuild. */
  ready(): void;
  /** detaching is called before the engine takes the source from the video, which pauses it. */
  detaching(): void;
  /** qualities is called when the renditions become known. */
  qualities(qualities: Quality[]): void;
  /** finished is called when the stream is over and shown to its end. */
  finished(): void;
  /** failed is called when the stream cannot be played here; the engine does nothing after it. */
  failed(reason: string): void;
}

/** What an engine knows at one moment. Numbers that it cannot know are null. */
export interface Snapshot {
  /** Seconds behind the newest frame that the server has announced. */
  latencyS: number | null;
  /** Seconds since the frame on screen was received by the server, by the clocks of both. */
  clockLatencyS: number | null;
  /** Seconds behind the newest frame at which the engine means to stay. */
  targetS: number | null;
  bandwidthBPS: number | null;
  /** Index of the rendition that plays by the engine's account, -1 when unknown. */
  playing: number;
  /** The rendition is chosen by bandwidth, not by the viewer. */
  auto: boolean;
  /** Errors so far from which the engine could not recover by itself. */
  fatalErrors: number;
  /** Name of the last of them, empty before. */
  lastError: string;
}

/** An Engine plays one HLS address in one video element and repairs what breaks. */
export interface Engine {
  /** select shows the rendition with this index, or lets bandwidth choose when it is null. */
  select(index: number | null): void;
  /** livePosition is the media time, in seconds, at which to watch live; null while unknown. */
  livePosition(): number | null;
  snapshot(): Snapshot;
  /** stuck is called when the picture has not moved for long. The engine begins again if that can help. */
  stuck(): void;
  /** resumed is called when the picture moves again after an outage. */
  resumed(): void;
  /** hurry ends the wait before the next attempt, when there is reason to believe that it will succeed. */
  hurry(): void;
  destroy(): void;
}

/** createEngine returns the engine for this browser; hls.js wherever Media Source Extensions exist. */
export async function createEngine(video: HTMLVideoElement, url: string, listener: EngineListener): Promise<Engine> {
  const { HlsEngine } = await import('./hls-engine');
  if (HlsEngine.supported()) return new HlsEngine(video, url, listener);
  const { NativeEngine } = await import('./native-engine');
  return new NativeEngine(video, url, listener);
}

/** The facts of one video rendition, as its playlist entry gives them. */
export interface LevelFacts {
  width: number;
  height: number;
  frameRate: number;
  bitrateBPS: number;
  name: string | undefined;
  url: string;
}

/** One choice of the quality menu. */
export interface Quality {
  /** index is the player's number for the rendition. */
  index: number;
  label: string;
  source: boolean;
  height: number;
  bitrateBPS: number;
}

/** isSource recognises the untouched rendition by its name or by its place in the URL. */
function isSource(level: LevelFacts): boolean {
  return level.name?.toLowerCase() === 'source' || /(^|\/)source([/._-]|$)/.test(level.url.split('?')[0] ?? '');
}

/** label names a rendition by its lines and, above 30, its frames per second: "720p", "1080p60". */
export function label(level: LevelFacts): string {
  const lines = Math.min(level.width, level.height) || level.height;
  if (!lines) return level.name || 'Audio only';
  return `${lines}p${level.frameRate > 31 ? Math.round(level.frameRate) : ''}`;
}

/** qualities returns the choices of the menu, best first, the source before an equal rung. */
export function qualities(levels: readonly LevelFacts[]): Quality[] {
  return levels
    .map((level, index) => ({
      index,
      label: label(level),
      source: levels.length > 1 && isSource(level),
      height: level.height,
      bitrateBPS: level.bitrateBPS,
    }))
    .sort((a, b) => Number(b.source) - Number(a.source) || b.height - a.height || b.bitrateBPS - a.bitrateBPS);
}

/**
 * onScreen returns the rendition that is shown. The player's own number, playing, runs ahead of the
 * picture where renditions overlap in the buffer; the height of the decoded picture does not.
 */
export function onScreen(qualities: readonly Quality[], playing: number, videoHeight: number): Quality | undefined {
  const told = qualities.find((q) => q.index === playing);
  if (videoHeight === 0 || told?.height === videoHeight) return told;
  const fitting = qualities.filter((q) => q.height === videoHeight);
  return fitting.length === 1 ? fitting[0] : told;
}

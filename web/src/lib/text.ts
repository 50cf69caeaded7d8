/** viewersText says how many people watch: "1 viewer", "1,204 viewers". */
export function viewersText(viewers: number, locale?: string): string {
  return `${viewers.toLocaleString(locale)} ${viewers === 1 ? 'viewer' : 'viewers'}`;
}

/** secondsText writes a latency with one decimal below ten seconds and none above: "1.1 s", "12 s", "3 min". */
export function secondsText(seconds: number): string {
  if (seconds >= 119.5) return `${Math.round(seconds / 60)} min`;
  return `${seconds < 9.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

/** rateText writes a bit rate: "850 kbit/s", "4.2 Mbit/s". */
export function rateText(bitrateBPS: number): string {
  if (bitrateBPS < 1e6) return `${Math.round(bitrateBPS / 1000)} kbit/s`;
  return `${(bitrateBPS / 1e6).toFixed(1)} Mbit/s`;
}

/** How much of what a start was off by is believed. */
const believed = 0.6;

/** Latency learns how long a player takes to do as it is told, from how late it was. In seconds. */
export class Latency {
  #knownS: number;
  readonly #mostS: number;

  constructor(firstS: number, mostS: number) {
    this.#knownS = firstS;
    this.#mostS = mostS;
  }

  get knownS(): number {
    return this.#knownS;
  }

  /** late tells by how much a start that allowed for what was known came too late; too early if negative. */
  late(byS: number): void {
    this.#knownS = Math.min(Math.max(0, this.#knownS + believed * byS), this.#mostS);
  }
}

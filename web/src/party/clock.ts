import { localMS } from '../realtime';

/** A question about the server's time, by the clock of this page; all in milliseconds. */
export interface Probe {
  sentMS: number;
  receivedMS: number;
  serverMS: number;
}

/** How many answers are kept, and for how long: clocks of two machines drift apart. */
const keptProbes = 60;
const keptMS = 90_000;

/** What lies within this is no contradiction: clocks are read in steps. */
const toleranceMS = 0.5;

/**
 * Bounds estimates how far the server's clock is ahead. When the server answered, its clock showed
 * serverMS; that was after the question was sent and before the answer came. So each probe bounds
 * the offset from both sides, and the tightest bounds of all may come from different probes: the
 * one whose way there was quickest, and the one whose way back was. Their middle is off by half the
 * difference of the two quickest ways, whatever the slow ones did.
 */
export class Bounds {
  #probes: Probe[] = [];
  #offsetMS = 0;
  #errorMS = Infinity;
  #rttMS = 0;

  /** To be added to the clock of this page. */
  get offsetMS(): number {
    return this.#offsetMS;
  }

  /** How far it may be off at most. */
  get errorMS(): number {
    return this.#errorMS;
  }

  /** How long an answer usually takes: nine out of ten are quicker. */
  get rttMS(): number {
    return this.#rttMS;
  }

  get count(): number {
    return this.#probes.length;
  }

  add(probe: Probe): void {
    this.#probes.push(probe);
    const probes = this.#probes.filter((p) => probe.receivedMS - p.receivedMS < keptMS).slice(-keptProbes);
    for (;;) {
      const low = Math.max(...probes.map((p) => p.serverMS - p.receivedMS));
      const high = Math.min(...probes.map((p) => p.serverMS - p.sentMS));
      // Bounds that exclude each other: one of the clocks was set, and what came before is worth nothing.
      if (low > high + toleranceMS && probes.length > 1) {
        probes.shift();
        continue;
      }
      this.#offsetMS = (low + high) / 2;
      this.#errorMS = Math.max(0, high - low) / 2;
      break;
    }
    this.#probes = probes;
    const waits = probes.map((p) => p.receivedMS - p.sentMS).sort((a, b) => a - b);
    this.#rttMS = waits[Math.ceil(waits.length * 0.9) - 1] ?? 0;
  }

  clear(): void {
    this.#probes = [];
    this.#errorMS = Infinity;
  }
}

/** Waits between probes: many at first, then enough to follow the drift. */
const firstProbes = 12;
const firstGapMS = 70;
const nextProbes = 40;
const nextGapMS = 500;
const gapMS = 3000;

/** ServerClock tells the server's time, which it asks for again and again. */
export class ServerClock {
  readonly bounds = new Bounds();
  readonly #ask: () => Promise<number>;
  readonly #local: () => number;
  #run = 0;

  /** ask returns the server's time in milliseconds. */
  constructor(ask: () => Promise<number>, local: () => number = localMS) {
    this.#ask = ask;
    this.#local = local;
  }

  /** Whether enough is known to act by. */
  get isReady(): boolean {
    return this.bounds.count >= 3;
  }

  nowMS(): number {
    return this.#local() + this.bounds.offsetMS;
  }

  get rttMS(): number {
    return this.bounds.rttMS;
  }

  /** start asks until stop. */
  start(): void {
    const run = ++this.#run;
    const again = async () => {
      for (let asked = 0; this.#run === run; asked++) {
        await this.#probe().catch(() => undefined);
        const wait = asked < firstProbes ? firstGapMS : asked < firstProbes + nextProbes ? nextGapMS : gapMS;
        await new Promise((done) => setTimeout(done, wait));
      }
    };
    void again();
  }

  stop(): void {
    this.#run++;
  }

  async #probe(): Promise<void> {
    const sentMS = this.#local();
    const serverMS = await this.#ask();
    this.bounds.add({ sentMS, receivedMS: this.#local(), serverMS });
  }
}

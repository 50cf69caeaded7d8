/** One question about the server's time. All in milliseconds. */
export interface Probe {
  /** When it was asked and answered, by the clock of this page. */
  sentMS: number;
  receivedMS: number;
  /** What the server's clock said. */
  serverMS: number;
}

/** What is known of the server's clock. */
export interface Offset {
  /** To be added to the clock of this page. */
  offsetMS: number;
  /** How far it may be off at most, if both ways took anything at all. */
  errorMS: number;
  /** When it was learned, by the clock of this page. */
  atMS: number;
}

/** offsetOf returns what one probe tells. */
export function offsetOf(probe: Probe): Offset {
  const { sentMS, receivedMS, serverMS } = probe;
  return { offsetMS: serverMS - (sentMS + receivedMS) / 2, errorMS: (receivedMS - sentMS) / 2, atMS: receivedMS };
}

/** Quartz of two machines drifts apart by less than this: what was learned long ago counts less. */
const driftPPM = 50;

/** better returns which of two offsets is the surer one at nowMS. */
export function better(a: Offset | null, b: Offset, nowMS: number): Offset {
  if (a === null) return b;
  const errorOf = (o: Offset) => o.errorMS + ((nowMS - o.atMS) * driftPPM) / 1e6;
  return errorOf(b) <= errorOf(a) ? b : a;
}

/** localMS is a clock of this page that never jumps: milliseconds since 1970 by the time it was opened. */
export function localMS(): number {
  return performance.timeOrigin + performance.now();
}

/** How often the server is asked in a row: the quickest answer tells most. */
const probesInRow = 6;
/** Waits between two probes in a row, and between two rows. */
const probeGapMS = 120;
const rowGapMS = 30_000;

/** Clock estimates the time of the server. */
export class Clock {
  #known: Offset | null = null;
  #run = 0;
  readonly #ask: () => Promise<number>;
  readonly #local: () => number;

  /** ask returns the server's time in milliseconds; it may reject. */
  constructor(ask: () => Promise<number>, local: () => number = localMS) {
    this.#ask = ask;
    this.#local = local;
  }

  /** known is what is known of the server's clock; null before the first answer. */
  get known(): Offset | null {
    return this.#known;
  }

  /** nowMS is the server's time as far as it is known. */
  nowMS(): number {
    return this.#local() + (this.#known?.offsetMS ?? 0);
  }

  /** toLocalMS tells when the server's clock shows serverMS, by the clock of localMS. */
  toLocalMS(serverMS: number): number {
    return serverMS - (this.#known?.offsetMS ?? 0);
  }

  /** guess takes a time that the server told by the way, until a probe is answered. */
  guess(serverMS: number): void {
    const at = this.#local();
    this.#known ??= { offsetMS: serverMS - at, errorMS: 10_000, atMS: at };
  }

  /** measure asks once, and returns what is known then. */
  async measure(): Promise<Offset> {
    const sentMS = this.#local();
    const serverMS = await this.#ask();
    const receivedMS = this.#local();
    this.#known = better(this.#known, offsetOf({ sentMS, receivedMS, serverMS }), receivedMS);
    return this.#known;
  }

  /** start measures again and again, until stop. A new connection has it start over. */
  start(): void {
    const run = ++this.#run;
    const again = async () => {
      while (this.#run === run) {
        for (let i = 0; i < probesInRow && this.#run === run; i++) {
          await this.measure().catch(() => undefined);
          await new Promise((done) => setTimeout(done, probeGapMS));
        }
        await new Promise((done) => setTimeout(done, rowGapMS));
      }
    };
    void again();
  }

  stop(): void {
    this.#run++;
  }
}

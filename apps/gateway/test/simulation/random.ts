import { seededRandom } from "../support/seeded-random.ts";

/** Random numbers that a seed decides. */
export class Random {
  readonly #draw: () => number;

  constructor(seed: number) {
    // Seeds that differ by one must not begin with numbers that resemble each other.
    this.#draw = seededRandom(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b));
  }

  /** In [0, 1). */
  next(): number {
    return this.#draw();
  }

  /** A number in [low, high). */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** A whole number in [low, high]. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.next() * from.length)];
    if (picked === undefined) throw new Error("there is nothing to pick from");
    return picked;
  }

  /** Mostly short, now and then long: what networks and disks do. `typicalMs` is about the median. */
  delayMs(typicalMs: number): number {
    return typicalMs * (0.2 + 0.8 / (1 - this.next() * 0.99)) * 0.5;
  }

  /** A generator of its own, so that what one part draws does not shift what another does. */
  fork(): Random {
    return new Random(Math.floor(this.next() * 4294967296));
  }
}

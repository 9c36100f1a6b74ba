import { SLOW_REMEMBERED_MS, SLOW_SCHEMAS_REMEMBERED_MAX } from "./limits.ts";

/**
 * Remembers for a while which schemas took too long: to compile, or to check a value of some length. Shorter values are
 * tried all the same.
 */
export class SlowSchemas {
  readonly #now: () => number;
  readonly #fromLength = new Map<string, { readonly length: number; readonly until: number }>();

  /** `now`: a monotonic clock, in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Values of this schema, of this length and longer, take too long. 0: the schema itself does. */
  remember(key: string, length: number): void {
    const known = this.#known(key);
    this.#fromLength.delete(key);
    const shortest = Math.min(length, known ?? length);
    this.#fromLength.set(key, { length: shortest, until: this.#now() + SLOW_REMEMBERED_MS });
    const oldest = this.#fromLength.keys().next().value;
    if (this.#fromLength.size > SLOW_SCHEMAS_REMEMBERED_MAX && oldest !== undefined) this.#fromLength.delete(oldest);
  }

  /** What is known to take too long for a value of this length, or null. */
  find(key: string, length: number): "schema" | "value" | null {
    const from = this.#known(key);
    if (from === undefined || length < from) return null;
    return from === 0 ? "schema" : "value";
  }

  #known(key: string): number | undefined {
    const known = this.#fromLength.get(key);
    if (known === undefined) return undefined;
    if (known.until > this.#now()) return known.length;
    this.#fromLength.delete(key);
    return undefined;
  }
}

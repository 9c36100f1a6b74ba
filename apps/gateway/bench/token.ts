/**
 * Makes a token: the time of its writing to the model's socket, in nanoseconds of the machine's monotonic clock, which
 * all processes share. The text gives the age of each token, even if tokens are merged or cut on their way.
 */
export function makeToken(): string {
  return `${process.hrtime.bigint()} `;
}

/** Reads tokens from pieces of text, and measures how long each was on its way. */
export class TokenReader {
  readonly #lateness: number[] = [];
  #rest = "";
  #firstAtMs: number | null = null;

  /** When the first token was read, by `performance.now()`; null: none was. */
  get firstAtMs(): number | null {
    return this.#firstAtMs;
  }

  /** The latency of each token so far, in milliseconds. */
  get latenciesMs(): readonly number[] {
    return this.#lateness;
  }

  read(text: string): void {
    const now = process.hrtime.bigint();
    const words = (this.#rest + text).split(" ");
    this.#rest = words.pop() ?? "";
    if (words.length > 0) this.#firstAtMs ??= performance.now();
    for (const word of words) this.#lateness.push(Number(now - BigInt(word)) / 1e6);
  }
}

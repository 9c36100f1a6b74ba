/**
 * A token of the benchmark is the moment it was written to the model's socket, in nanoseconds of the machine's
 * monotonic clock, which all processes share. However tokens are merged or cut on their way, the text says how old each
 * is.
 */
export function makeToken(): string {
  return `${process.hrtime.bigint()} `;
}

/** Reads tokens from pieces of text, and how long each was on its way. */
export class TokenReader {
  readonly #lateness: number[] = [];
  #rest = "";

  /** Milliseconds of each token read so far. */
  get latenciesMs(): readonly number[] {
    return this.#lateness;
  }

  read(text: string): void {
    const now = process.hrtime.bigint();
    const words = (this.#rest + text).split(" ");
    this.#rest = words.pop() ?? "";
    for (const word of words) this.#lateness.push(Number(now - BigInt(word)) / 1e6);
  }
}

/** Lets a bounded number of holders in at once. The others wait in the order in which they came. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** `permits`: how many may hold it at once. */
  constructor(permits: number) {
    this.#free = permits;
  }

  /** Resolves with the function that releases the permit. Call that function exactly once. */
  async acquire(): Promise<() => void> {
    const release = this.acquireFree();
    if (release !== null) return release;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return () => this.#release();
  }

  /** The same without a wait; null: no permit is free. */
  acquireFree(): (() => void) | null {
    if (this.#free === 0) return null;
    this.#free -= 1;
    return () => this.#release();
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

import type { RunInput } from "../core/input.ts";

/** How an effect is performed: answers what `decide` is to be told, or null when `signal` cut it short. */
export type PerformEffect = (signal: AbortSignal) => Promise<RunInput | null>;

interface Performance {
  readonly controller: AbortController;
  done: Promise<void>;
  isSettled: boolean;
}

/**
 * The effects of one run that are under way. Each stays known until it is due no more, so that none is begun twice
 * (R4).
 */
export class EffectsInFlight {
  readonly #onReport: (report: RunInput) => void;
  readonly #onBug: (error: unknown) => void;
  readonly #all = new Map<string, Performance>();

  constructor(params: {
    readonly onReport: (report: RunInput) => void;
    readonly onBug: (error: unknown) => void;
  }) {
    this.#onReport = params.onReport;
    this.#onBug = params.onBug;
  }

  /** Begins what is due and not under way, and stops what is due no more. */
  reconcile(due: ReadonlyMap<string, PerformEffect>): void {
    for (const [key, performance] of this.#all) {
      if (due.has(key)) continue;
      performance.controller.abort();
      if (performance.isSettled) this.#all.delete(key);
    }
    for (const [key, perform] of due) {
      if (!this.#all.has(key)) this.#all.set(key, this.#begin(perform));
    }
  }

  stop(key: string): void {
    this.#all.get(key)?.controller.abort();
  }

  stopAll(): void {
    for (const performance of this.#all.values()) performance.controller.abort();
  }

  /** Waits for everything that was begun. */
  async settle(): Promise<void> {
    await Promise.all([...this.#all.values()].map((performance) => performance.done));
  }

  #begin(perform: PerformEffect): Performance {
    const controller = new AbortController();
    const performance: Performance = { controller, isSettled: false, done: Promise.resolve() };
    performance.done = this.#follow(perform, controller.signal).finally(() => {
      performance.isSettled = true;
    });
    return performance;
  }

  /** Never rejects: a bug is the holder's to throw. */
  async #follow(perform: PerformEffect, signal: AbortSignal): Promise<void> {
    try {
      const report = await perform(signal);
      if (report !== null) this.#onReport(report);
    } catch (error) {
      this.#onBug(error);
    }
  }
}

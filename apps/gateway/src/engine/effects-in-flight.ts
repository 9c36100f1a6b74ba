import type { RunInput } from "../core/input.ts";

/** Performs an effect. Returns what `decide` is to be told, or null if `signal` cut it short. */
export type PerformEffect = (signal: AbortSignal) => Promise<RunInput | null>;

interface EffectInFlight {
  readonly controller: AbortController;
  done: Promise<void>;
  isSettled: boolean;
}

/**
 * The effects of one run that are under way. Each is kept until it is no longer due, so that none is begun twice (R4).
 */
export class EffectsInFlight {
  readonly #onReport: (report: RunInput) => void;
  readonly #onBug: (error: unknown) => void;
  readonly #all = new Map<string, EffectInFlight>();

  constructor(params: {
    readonly onReport: (report: RunInput) => void;
    readonly onBug: (error: unknown) => void;
  }) {
    this.#onReport = params.onReport;
    this.#onBug = params.onBug;
  }

  /** Begins what is due and not under way, and stops what is no longer due. */
  reconcile(due: ReadonlyMap<string, PerformEffect>): void {
    for (const [key, effect] of this.#all) {
      if (due.has(key)) continue;
      effect.controller.abort();
      if (effect.isSettled) this.#all.delete(key);
    }
    for (const [key, perform] of due) {
      if (!this.#all.has(key)) this.#all.set(key, this.#begin(perform));
    }
  }

  stop(key: string): void {
    this.#all.get(key)?.controller.abort();
  }

  stopAll(): void {
    for (const effect of this.#all.values()) effect.controller.abort();
  }

  /** Resolves when everything that was begun has settled. */
  async settle(): Promise<void> {
    await Promise.all([...this.#all.values()].map((effect) => effect.done));
  }

  #begin(perform: PerformEffect): EffectInFlight {
    const controller = new AbortController();
    const effect: EffectInFlight = { controller, isSettled: false, done: Promise.resolve() };
    effect.done = this.#report(perform, controller.signal).finally(() => {
      effect.isSettled = true;
    });
    return effect;
  }

  /** Never rejects: the holder is told of a bug and throws it. */
  async #report(perform: PerformEffect, signal: AbortSignal): Promise<void> {
    try {
      const report = await perform(signal);
      if (report !== null) this.#onReport(report);
    } catch (error) {
      this.#onBug(error);
    }
  }
}

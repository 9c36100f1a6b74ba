import type { RunInput } from "../core/input.ts";

/** Performs an effect. Returns what `decide` is to be told, or null if `signal` cut it short. */
export type PerformEffect = (signal: AbortSignal) => Promise<RunInput | null>;

interface EffectInFlight {
  readonly controller: AbortController;
  done: Promise<void>;
  isSettled: boolean;
  /** What it told before its cause was known to be committed; null: its cause is committed. */
  untold: (() => void)[] | null;
}

/**
 * The effects of one run that are under way. Each is kept until it is no longer due, so that none is begun twice (R4).
 *
 * An effect may be begun ahead, while the commit that calls for it is in flight. What it tells is kept until the effect
 * is due, and forgotten if it is abandoned (R3).
 */
export class EffectsInFlight {
  readonly #onReport: (report: RunInput) => void;
  readonly #onBug: (error: unknown) => void;
  readonly #all = new Map<string, EffectInFlight>();
  /** Begun ahead and abandoned, and not settled yet. */
  readonly #abandoned = new Set<EffectInFlight>();

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
      const effect = this.#all.get(key);
      if (effect === undefined) this.#all.set(key, this.#begin(perform, null));
      else tellWhatWaits(effect);
    }
  }

  /** Begins an effect whose cause is not committed yet. `reconcile` or `abandonAhead` follows. */
  beginAhead(key: string, perform: PerformEffect): void {
    this.#all.set(key, this.#begin(perform, []));
  }

  /** Whether it was begun ahead, and its cause is not committed yet. */
  isAhead(key: string): boolean {
    const effect = this.#all.get(key);
    return effect !== undefined && effect.untold !== null;
  }

  /** What was begun ahead is not due: its cause was not committed. */
  abandonAhead(): void {
    for (const [key, effect] of this.#all) {
      if (effect.untold === null) continue;
      this.#all.delete(key);
      this.#abandoned.add(effect);
      void effect.done.then(() => this.#abandoned.delete(effect));
      effect.controller.abort();
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
    await Promise.all([...this.#all.values(), ...this.#abandoned].map((effect) => effect.done));
  }

  #begin(perform: PerformEffect, untold: EffectInFlight["untold"]): EffectInFlight {
    const effect: EffectInFlight = {
      controller: new AbortController(),
      isSettled: false,
      done: Promise.resolve(),
      untold,
    };
    effect.done = this.#perform(perform, effect).finally(() => {
      effect.isSettled = true;
    });
    return effect;
  }

  /** Never rejects: the holder is told of a bug and throws it. */
  async #perform(perform: PerformEffect, effect: EffectInFlight): Promise<void> {
    const tell = (telling: () => void): void => {
      if (effect.untold === null) telling();
      else effect.untold.push(telling);
    };
    try {
      const report = await perform(effect.controller.signal);
      if (report !== null) tell(() => this.#onReport(report));
    } catch (error) {
      tell(() => this.#onBug(error));
    }
  }
}

/** Its cause is committed. */
function tellWhatWaits(effect: EffectInFlight): void {
  const waiting = effect.untold ?? [];
  effect.untold = null;
  for (const tell of waiting) tell();
}

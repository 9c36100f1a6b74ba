import type { Position } from "@hsafa/protocol";
import { comparePositions, START } from "@hsafa/protocol";
import { accept, type EventRecord } from "../core/event-record.ts";
import type { TenantId } from "../core/tenant-id.ts";
import type { Clock } from "../ports/clock.ts";
import {
  RECORD_OVERHEAD_CHARACTERS,
  YOUNG_RUN_CHARACTERS_MAX,
  YOUNG_RUN_MS,
  YOUNG_RUNS_CHARACTERS_MAX,
} from "./limits.ts";

/** A run that began on this gateway a moment ago, with its events from the first one on. */
export interface YoungRun {
  readonly tenantId: TenantId;
  readonly runId: string;
  /** The tag of the store's generation. */
  readonly generation: string;
  readonly records: readonly EventRecord[];
  /** Whether these are all that this gateway knows of: nothing was left out since. */
  readonly isWhole: boolean;
}

interface Kept extends YoungRun {
  readonly records: EventRecord[];
  readonly bornAt: number;
  characters: number;
  isWhole: boolean;
}

/**
 * The first events of the runs that were born on this gateway. Who has started a run follows it at once, mostly here.
 * That needs no read of the store then.
 *
 * 1. The records of a run are the first ones without a gap. One that does not follow is not kept, nor what comes later.
 * 2. A run is kept for `YOUNG_RUN_MS` and within its bound. The oldest go first beyond the bound of all (R9).
 */
export class YoungRuns {
  readonly #clock: Pick<Clock, "monotonic">;
  /** In the order in which they were born. */
  readonly #runs = new Map<string, Kept>();
  /** Runs that were born here, and that this gateway still holds. */
  readonly #held = new Set<string>();
  #characters = 0;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** A run was born here. `left` follows when this gateway may not hold it any more. */
  born(run: Pick<YoungRun, "tenantId" | "runId" | "generation" | "records">): void {
    const { tenantId, runId, generation, records } = run;
    this.#held.add(runId);
    const bornAt = this.#clock.monotonic();
    this.#runs.set(runId, { tenantId, runId, generation, records: [], bornAt, characters: 0, isWhole: true });
    this.published(runId, records);
  }

  /** More of a run's events may be seen. */
  published(runId: string, records: readonly EventRecord[]): void {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    for (const record of records) {
      const acceptance = accept(run.records.at(-1) ?? START, record);
      if (acceptance === "drop") continue;
      const characters = record.payload.length + RECORD_OVERHEAD_CHARACTERS;
      if (acceptance === "gap" || run.characters + characters > YOUNG_RUN_CHARACTERS_MAX) return this.forget(runId); // 1.
      run.records.push(record);
      run.characters += characters;
      this.#characters += characters;
    }
    this.#trim();
  }

  /** Returns a run that a reader at this position may follow from memory; null: it is not known. */
  find(run: Pick<YoungRun, "tenantId" | "runId" | "generation">, after: Position): YoungRun | null {
    this.#trim();
    const known = this.#runs.get(run.runId);
    if (known === undefined || known.tenantId !== run.tenantId || known.generation !== run.generation) return null;
    return comparePositions(after, known.records.at(-1) ?? START) <= 0 ? known : null;
  }

  /** Something else keeps its events from now on, or they are not whole any more. */
  forget(runId: string): void {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    run.isWhole = false;
    this.#characters -= run.characters;
    this.#runs.delete(runId);
  }

  /** Whether this gateway has held the run since its birth, and so is told of all that happens to it. */
  isHeld(runId: string): boolean {
    return this.#held.has(runId);
  }

  left(runId: string): void {
    this.#held.delete(runId);
  }

  clear(): void {
    for (const runId of this.#runs.keys()) this.forget(runId);
  }

  /** 2. */
  #trim(): void {
    const bornAfter = this.#clock.monotonic() - YOUNG_RUN_MS;
    for (const { runId, bornAt } of this.#runs.values()) {
      if (bornAt > bornAfter && this.#characters <= YOUNG_RUNS_CHARACTERS_MAX) return;
      this.forget(runId);
    }
  }
}

/**
 * What a gateway remembers of the runs that it parked. It need not read them again when their calls are answered.
 *
 * 1. A memory counts only for the claim that directly follows the lease under which it was made, at the same last fact.
 *    Whatever else has happened to the run in between shows in one of both.
 * 2. It serves one claim, and is forgotten then. Before, it may show what would follow from an answer (`answer.ts`).
 * 3. It is bounded in runs and in bytes. The run that was parked first is forgotten first.
 */
import type { Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { TenantId } from "../core/tenant-id.ts";
import type { ClaimedRun } from "../ports/fleet-store.ts";
import { PARKED_BYTES_MAX, PARKED_RUNS_MAX } from "./limits.ts";
import type { FoldedRecord } from "./read-record.ts";

/** A run as its holder has parked it. */
export interface ParkedRun {
  readonly tenantId: TenantId;
  readonly runId: string;
  readonly epoch: number;
  /** As the next claim will find them, unless something else happens to the run. */
  readonly recoveries: number;
  readonly stalls: number;
  /** Returns the database's time, in ms. */
  readonly now: () => number;
  readonly record: FoldedRecord;
  readonly lastFact: EventRecord | null;
  readonly lastPosition: Position;
}

export class ParkedRuns {
  readonly #runs = new Map<string, ParkedRun>();
  #bytes = 0;

  keep(run: ParkedRun): void {
    this.forget(run.runId);
    if (run.record.bytes > PARKED_BYTES_MAX) return;
    this.#runs.set(run.runId, run);
    this.#bytes += run.record.bytes;
    // 3.
    for (const runId of this.#runs.keys()) {
      if (this.#runs.size <= PARKED_RUNS_MAX && this.#bytes <= PARKED_BYTES_MAX) return;
      this.forget(runId);
    }
  }

  /** Returns what is remembered of a run that was just claimed, and forgets it; null: nothing that counts (1., 2.). */
  take({ runId, epoch, lastSeq }: ClaimedRun): ParkedRun | null {
    const run = this.#runs.get(runId);
    this.forget(runId);
    return run !== undefined && run.epoch === epoch - 1 && run.record.state.run.seq === lastSeq ? run : null;
  }

  /** Returns what is remembered of a run of the tenant that nobody has claimed yet; null: nothing (R10). */
  see(tenantId: TenantId, runId: string): ParkedRun | null {
    const run = this.#runs.get(runId);
    return run?.tenantId === tenantId ? run : null;
  }

  clear(): void {
    this.#runs.clear();
    this.#bytes = 0;
  }

  forget(runId: string): void {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    this.#runs.delete(runId);
    this.#bytes -= run.record.bytes;
  }
}

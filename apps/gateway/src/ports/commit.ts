import type { EventRecord } from "../core/event-record.ts";
import type { ToldParent } from "../core/told-parent.ts";
import type { MergedRun } from "../core/merged-end.ts";
import type { NewChild } from "../core/new-child.ts";
import type { CallProjection, RunProjection } from "../core/projection.ts";
import type { TenantId } from "../core/tenant-id.ts";

/** What a holder writes at once of a run. */
export interface Commit {
  readonly tenantId: TenantId;
  readonly runId: string;
  /** The holder's gateway. After a restore an epoch may be given again, but no gateway's id is. */
  readonly gatewayId: string;
  readonly epoch: number;
  /** The seq of the last fact before these (R2). A row whose last fact is another one refuses the commit. */
  readonly afterSeq: number;
  /**
   * Contiguous from `afterSeq + 1`. A commit without facts consumes inputs that changed nothing, or gives the lease
   * back.
   */
  readonly facts: readonly EventRecord[];
  /** Deltas not yet acknowledged by `appendDeltas`. One that is stored already is skipped. */
  readonly deltas: readonly EventRecord[];
  readonly run: RunProjection;
  /** The calls whose rows change. The open child of a call that is settled by this commit is asked to cancel. */
  readonly calls: readonly CallProjection[];
  /**
   * Runs of the thread whose messages are among these facts. They end with them. Each must wait untouched still: a
   * claim, an end or an input of one of them refuses the commit, as if an input had come.
   */
  readonly merges: readonly MergedRun[];
  /** Runs that calls of these facts start. They are of the run's tenant, subject, starter and device. */
  readonly children: readonly NewChild[];
  /** What the parent is told, if the run ends and has one. A parent that has ended is told nothing. */
  readonly tellsParent: ToldParent | null;
  /** Whether these facts got the run further. If so, the commit clears the count of recoveries. */
  readonly progress: boolean;
  /** The inputs that these facts took account of. A commit that ends the run consumes every input that waits (R6). */
  readonly consumed: readonly string[];
  /**
   * The commit succeeds only while exactly this many inputs wait; null: whatever waits. It is set by a commit that
   * parks the run, expires a call or ends the run, so that no input is overlooked. It is also set by a commit that
   * leaves no other trace, since it has no fact and keeps the lease. So of two tries of it one succeeds.
   */
  readonly inboxMustBe: number | null;
  /**
   * `release` gives the lease back. The run is due again at `wakeAt`, in ms; null: when an input comes. An ended run is
   * never due. A run whose inbox is not empty is due at once.
   */
  readonly lease: { readonly kind: "keep" } | { readonly kind: "release"; readonly wakeAt: number | null };
}

export type CommitOutcome =
  /**
   * Written now, or found written by an earlier try of the same commit. `wakes`: the next run of the thread, now due.
   */
  | { readonly kind: "committed"; readonly wakes: readonly string[] }
  /** Nothing was written. An input has come: read the inbox and decide again. */
  | { readonly kind: "inputs_waiting" }
  /** Nothing was written. The run is no longer held under this epoch. */
  | { readonly kind: "fenced" }
  /** Nothing was written. The store lacks facts that it had committed: it has gone back in time. */
  | { readonly kind: "store_behind" };

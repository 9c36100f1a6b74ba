import type { Commit } from "./fleet-store.ts";

/** A run's row, as far as the guard of a commit looks at it. */
export interface RunStanding {
  readonly epoch: number;
  readonly lastSeq: number;
  /** How many inputs wait. */
  readonly inbox: number;
  /** The gateway that has the lease; null: none. */
  readonly leaseOwner: string | null;
  /** How many of the runs that the commit merges can be merged now. */
  readonly mergeable: number;
}

/**
 * `fits`: the commit may be written. `written`: an earlier try of this very commit was. `inputs_waiting`: the lease and
 * the facts fit, but not the inbox's count, or a run that was to be merged. `fenced`: the run is no longer the
 * holder's. `store_behind`: the row lacks facts that the holder knows to be committed.
 */
export type CommitVerdict = "fits" | "written" | "inputs_waiting" | "fenced" | "store_behind";

/**
 * What becomes of a commit, given the run's row (null: there is none). `statements/runs/commit.ts` guards by the same.
 */
export function judgeCommit(row: RunStanding | null, commit: Commit): CommitVerdict {
  if (row === null) return "fenced";
  // Neither ever falls but by a restore.
  if (row.lastSeq < commit.afterSeq || row.epoch < commit.epoch) return "store_behind";
  if (row.epoch !== commit.epoch || (row.leaseOwner !== null && row.leaseOwner !== commit.gatewayId)) return "fenced";
  if (wasWritten(row, commit)) return "written";
  if (row.leaseOwner === null || row.lastSeq !== commit.afterSeq) return "fenced";
  if (commit.inboxMustBe !== null && row.inbox !== commit.inboxMustBe) return "inputs_waiting";
  if (row.mergeable !== commit.merges.length) return "inputs_waiting";
  return "fits";
}

/**
 * Whether an earlier try of this very commit went through. Under one epoch only its holder writes facts and gives the
 * lease back, so the row tells. A commit without facts that keeps the lease leaves no trace but in the inbox. It names
 * the inbox's count instead, so its second try is refused as `inputs_waiting`.
 */
function wasWritten(row: RunStanding, { afterSeq, facts, lease }: Commit): boolean {
  if (facts.length > 0) return row.lastSeq === afterSeq + facts.length;
  return row.lastSeq === afterSeq && lease.kind === "release" && row.leaseOwner === null;
}

/**
 * The one way from a decision to the wire, for a run that is advanced and for one that is given up.
 *
 * 1. Facts get their positions once, directly before the commit: contiguous, after everything that was published (R2).
 * 2. The commit carries every delta that the store is not known to hold, so the store never holds a fact without the
 *    deltas before it.
 * 3. Nothing is published before the store says that it wrote the facts, whatever else it says (R3). A refused commit
 *    leaves no trace.
 * 4. Bells ring last: they only save a poll.
 */
import type { Fact } from "@hsafa/protocol";
import type { ToldParent } from "../core/told-parent.ts";
import type { MergedRun } from "../core/merged-end.ts";
import type { NewChild } from "../core/new-child.ts";
import { placeFacts } from "../core/place-facts.ts";
import { showsProgress } from "../core/shows-progress.ts";
import type { Bell } from "../ports/bell.ts";
import type { CallProjection, Commit, CommitOutcome, RunProjection } from "../ports/fleet-store.ts";
import type { Claim } from "./claim.ts";
import type { RunWriter } from "./run-writer.ts";
import type { TenantId } from "../core/tenant-id.ts";

/** What is to be written of a run, decided and not yet committed. */
export interface Decision {
  readonly facts: readonly Fact[];
  /** When they were decided: the time of each of these facts, in ms. */
  readonly at: number;
  /** The rows after these facts: the run's, and those of the calls that changed. */
  readonly run: RunProjection;
  readonly calls: readonly CallProjection[];
  /** Ids of the inputs that the facts took account of. */
  readonly consumed: readonly string[];
  /** Runs whose messages are among the facts, and that end with them. */
  readonly merges: readonly MergedRun[];
  /** Runs that calls of these facts start. */
  readonly children: readonly NewChild[];
  /** What the parent is told, if the run ends and has one. */
  readonly tellsParent: ToldParent | null;
  /** The commit succeeds only while exactly this many inputs wait; null: it does not matter. */
  readonly inboxMustBe: number | null;
  /** Set if the lease is returned: when the run is due again, in ms (null: when an input comes, or never). */
  readonly release: { readonly wakeAt: number | null } | null;
}

/** `gave_up`: the lease ended before the store said what became of the commit. */
export type CommitEnd = CommitOutcome["kind"] | "gave_up";

/** Commits a decision. If it was written, publishes its facts and rings for what it made due. */
export async function commitRound(params: {
  readonly gatewayId: string;
  readonly claim: Claim;
  /** The seq of the run's last fact. */
  readonly afterSeq: number;
  readonly decision: Decision;
  readonly writer: Pick<RunWriter, "position" | "unacknowledged" | "publish" | "publishMerged">;
  readonly send: (commit: Commit) => Promise<CommitOutcome | { readonly kind: "gave_up" }>;
  readonly bell: Bell;
}): Promise<CommitEnd> {
  const { gatewayId, claim, afterSeq, decision, writer, send, bell } = params;
  const { tenantId, runId, epoch } = claim;
  const { facts, at, run, calls, consumed, merges, children, tellsParent, inboxMustBe, release } = decision;
  const records = placeFacts({ facts, afterSeq, prev: writer.position, ts: at }); // 1.
  const outcome = await send({
    tenantId,
    runId,
    gatewayId,
    epoch,
    afterSeq,
    facts: records,
    deltas: writer.unacknowledged, // 2.
    run,
    calls,
    progress: showsProgress(facts),
    consumed,
    merges,
    children,
    tellsParent,
    inboxMustBe,
    lease: release === null ? { kind: "keep" } : { kind: "release", wakeAt: release.wakeAt },
  });
  if (outcome.kind !== "committed") return outcome.kind;
  writer.publish(records); // 3.
  writer.publishMerged(merges); // 3.
  ringFor({ bell, tenantId, calls, wakes: [...outcome.wakes, ...relativesToRing(decision)] }); // 4.
  return "committed";
}

/** The runs above and below that the decision makes due: its new children, its parent, and children it cancels. */
function relativesToRing({ children, tellsParent, calls }: Decision): string[] {
  const canceled = calls.filter(({ target, settledAt }) => target === "server" && settledAt !== null);
  const parent = tellsParent === null ? [] : [tellsParent.runId];
  return [...children.map(({ runId }) => runId), ...canceled.map(({ callId }) => callId), ...parent];
}

/** Rings for the devices whose calls were dispatched or settled, and for the runs that became due. */
function ringFor(params: {
  readonly bell: Bell;
  readonly tenantId: TenantId;
  readonly calls: readonly CallProjection[];
  readonly wakes: readonly string[];
}): void {
  const { bell, tenantId, calls, wakes } = params;
  const deviceKeys = new Set<string | null>();
  for (const { attempt, recipient } of calls) {
    if (attempt > 0 && recipient !== null) deviceKeys.add(recipient.kind === "key" ? recipient.deviceKey : null);
  }
  for (const deviceKey of deviceKeys) bell.ring({ about: "device", tenantId, deviceKey });
  for (const runId of wakes) bell.ring({ about: "run", runId });
}

import { isTerminalStatus } from "@hsafa/protocol";
import { PARENT_IS_DONE } from "../../src/core/told-parent.ts";
import type { EventRecord } from "../../src/core/event-record.ts";
import type { NewChild } from "../../src/core/new-child.ts";
import { tokensOf } from "../../src/core/quotas.ts";
import { judgeCommit } from "../../src/ports/judge-commit.ts";
import type { Commit, CommitOutcome } from "../../src/ports/fleet-store.ts";
import { insertEvent, isOpen, type Rows, type RunRow, untouchedRun } from "./store-rows.ts";

/** Writes a commit, all of it or nothing, under the guard of the run's row (R2). */
export function commit(rows: Rows, params: Commit): CommitOutcome {
  const { tenantId, runId } = params;
  const run = rows.runOf(tenantId, runId);
  if (run === undefined) return { kind: "fenced" };
  const { epoch, lastSeq, inbox, leaseOwner } = run;
  const mergeable = params.merges.filter((merged) => rows.isMergeable(tenantId, merged.runId)).length;
  const verdict = judgeCommit({ epoch, lastSeq, inbox, leaseOwner, mergeable }, params);
  if (verdict !== "fits" && verdict !== "written") return { kind: verdict };
  if (verdict === "fits") write(rows, run, params);
  const hasEnded = isTerminalStatus(params.run.status);
  return { kind: "committed", wakes: hasEnded && run.threadId !== null ? rows.wakeThread(run.threadId) : [] };
}

function write(rows: Rows, run: RunRow, params: Commit): void {
  const { tenantId, runId, afterSeq } = params;
  const isTerminal = isTerminalStatus(params.run.status);
  for (const record of [...params.deltas, ...params.facts]) {
    const isNew = insertEvent(run.events, record);
    if (isNew) rows.countBytes(tenantId, record.payload);
    if (!isNew && record.sub === 0) throw new Error(`the run ${runId} has a fact at ${record.seq} already`);
  }
  for (const call of params.calls) {
    const row = rows.calls.get(call.callId);
    if (row === undefined) {
      const fresh = { sent: null, sentTo: new Set<string>(), resultHash: null, sentAt: null, acceptedAt: null };
      rows.calls.set(call.callId, { tenantId, runId, call, ...fresh });
    } else if (row.runId === runId) {
      // A new attempt may go to any device that fits. The device of an earlier one stays in `sentTo`: its result counts
      // still.
      if (call.attempt > row.call.attempt) row.sent = null;
      const { status, attempt, deadline, result, error, source, deviceId, dispatchedAt, settledAt, approval } = call;
      const answer = { result, error, source, deviceId, settledAt };
      row.call = { ...row.call, status, attempt, deadline, dispatchedAt, approval, ...answer };
    }
  }
  for (const child of params.children) bear(rows, run, child);
  for (const { callId, target, settledAt } of params.calls) {
    if (target === "server" && settledAt !== null) cancelOrphan(rows, run, callId);
  }
  const parent = params.tellsParent === null ? undefined : rows.runOf(tenantId, params.tellsParent.runId);
  if (params.tellsParent !== null && parent !== undefined && isOpen(parent))
    rows.enqueueInput(parent, params.tellsParent.input, null);
  for (const { runId: mergedId, record } of params.merges) merge(rows, rows.runs.get(mergedId), runId, record);
  const before = run.inbox;
  const consumed = consume(run, isTerminal ? run.inputs.map((row) => row.inputId) : params.consumed);
  const isReleased = isTerminal || params.lease.kind === "release";
  const wakeAt = params.lease.kind === "release" ? params.lease.wakeAt : null;
  if (isTerminal) run.wakeAt = null;
  else if (isReleased) run.wakeAt = before > consumed ? rows.now() : wakeAt;
  if (isReleased) run.leaseOwner = null;
  if (params.progress) run.recoveries = 0;
  rows.countTokens(tenantId, tokensOf(params.run.usage) - tokensOf(run.projection.usage));
  run.projection = params.run;
  run.lastSeq = afterSeq + params.facts.length;
}

/** Makes a child of a run. */
function bear(rows: Rows, run: RunRow, child: NewChild): void {
  const { runId, agentId, versionId, limits, facts } = child;
  const { tenantId, deviceKey, subject, startedBy } = run;
  rows.countBytes(tenantId, "{}", ...facts.map(({ payload }) => payload));
  rows.runs.set(runId, {
    id: runId,
    tenantId,
    agentId,
    versionId,
    threadId: null,
    threadTurn: 0,
    forkedFrom: null,
    parentRunId: run.id,
    rootRunId: run.rootRunId ?? run.id,
    rootThreadId: run.rootThreadId ?? run.threadId,
    depth: run.depth + 1,
    deviceKey,
    subject,
    metadata: {},
    limits,
    startedBy,
    idempotency: null,
    createdAt: rows.now(),
    events: [...facts],
    wakeAt: rows.now(),
    ...untouchedRun(facts.length),
  });
}

/** Cancels the child of a call that is settled, unless it has ended or was canceled before. */
function cancelOrphan(rows: Rows, run: RunRow, callId: string): void {
  const child = rows.runOf(run.tenantId, callId);
  if (child?.parentRunId !== run.id || !isOpen(child)) return;
  if (child.inputs.some((row) => row.dedupe?.key === "cancel")) return;
  rows.enqueueInput(child, { kind: "cancel", reason: PARENT_IS_DONE }, { key: "cancel", bodyHash: "" });
}

/** Ends a run whose messages have entered another one. */
function merge(rows: Rows, run: RunRow | undefined, into: string, record: EventRecord): void {
  if (run === undefined) return;
  insertEvent(run.events, record);
  rows.countBytes(run.tenantId, record.payload);
  run.projection = { ...run.projection, status: "merged", completedAt: record.ts };
  run.lastSeq = record.seq;
  run.mergedInto = into;
  run.wakeAt = null;
}

/** Consumes inputs and returns how many of them waited. One with a dedupe key is kept, so that a repeat is known. */
function consume(run: RunRow, inputIds: readonly string[]): number {
  const ids = new Set(inputIds);
  let count = 0;
  for (const row of run.inputs) {
    if (!ids.has(row.inputId) || row.consumed) continue;
    row.consumed = true;
    count += 1;
  }
  run.inputs = run.inputs.filter((row) => !row.consumed || row.dedupe !== null);
  run.inbox -= count;
  return count;
}

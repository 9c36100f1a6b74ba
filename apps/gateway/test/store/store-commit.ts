import { isTerminalStatus } from "@hsafa/protocol";
import type { Commit, CommitOutcome } from "../../src/ports/fleet-store.ts";
import { insertEvent, type Rows, type RunRow } from "./store-rows.ts";

/** One commit: all of it or nothing, under the guard of the run's row (R2). */
export function commit(rows: Rows, params: Commit): CommitOutcome {
  const { tenantId, runId, epoch, afterSeq, inboxMustBe } = params;
  const run = rows.runOf(tenantId, runId);
  if (run === undefined || run.epoch !== epoch) return { kind: "fenced" };
  const isTerminal = isTerminalStatus(params.run.status);
  if (run.leaseOwner === null || run.lastSeq !== afterSeq) {
    if (!wasWritten(run, params)) return { kind: "fenced" };
    const wakes = isTerminal && run.threadId !== null ? rows.wakeThread(run.threadId) : [];
    return { kind: "committed", wakes };
  }
  if (inboxMustBe !== null && run.inbox !== inboxMustBe) return { kind: "inputs_waiting" };

  for (const record of [...params.deltas, ...params.facts]) {
    const isNew = insertEvent(run.events, record);
    if (!isNew && record.sub === 0) throw new Error(`the run ${runId} has a fact at ${record.seq} already`);
  }
  for (const call of params.calls) {
    const row = rows.calls.get(call.callId);
    if (row === undefined) {
      const fresh = { sent: null, sentTo: new Set<string>(), resultHash: null, sentAt: null, acceptedAt: null };
      rows.calls.set(call.callId, { tenantId, runId, call, ...fresh });
    } else if (row.runId === runId) {
      // A new attempt is free to go to any device that fits; whom an earlier one went to stays in `sentTo`, since its
      // answer still counts.
      if (call.attempt > row.call.attempt) row.sent = null;
      const { status, attempt, deadline, result, error, source, deviceId, dispatchedAt, settledAt } = call;
      row.call = { ...row.call, status, attempt, deadline, result, error, source, deviceId, dispatchedAt, settledAt };
    }
  }
  const before = run.inbox;
  const consumed = consume(run, isTerminal ? run.inputs.map((row) => row.inputId) : params.consumed);
  const isReleased = isTerminal || params.lease.kind === "release";
  const wakeAt = params.lease.kind === "release" ? params.lease.wakeAt : null;
  if (isTerminal) run.wakeAt = null;
  else if (isReleased) run.wakeAt = before > consumed ? rows.now() : wakeAt;
  if (isReleased) run.leaseOwner = null;
  if (params.progress) run.recoveries = 0;
  run.projection = params.run;
  run.lastSeq = afterSeq + params.facts.length;
  return { kind: "committed", wakes: isTerminal && run.threadId !== null ? rows.wakeThread(run.threadId) : [] };
}

/** Inputs with a dedupe key are kept, so that a repeat is known. Answers how many were still waiting. */
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

/** Whether an earlier try of this very commit went through. */
function wasWritten(run: RunRow, { afterSeq, facts, lease }: Commit): boolean {
  if (facts.length > 0) return run.lastSeq === afterSeq + facts.length;
  return run.lastSeq === afterSeq && lease.kind === "release" && run.leaseOwner === null;
}

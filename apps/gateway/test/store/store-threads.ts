import { isTerminalStatus } from "@hsafa/protocol";
import { leavesMessages } from "../../src/core/leaves-messages.ts";
import { THREAD_DELETED } from "../../src/core/plan-start.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";
import { DELETED_THREAD_KEPT_MS, REMOVED_RUNS_PER_SWEEP_MAX, THREAD_ANCESTORS_MAX } from "../../src/ports/limits.ts";
import { storableText } from "../../src/ports/storable-text.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";
import { audit } from "./store-audit.ts";
import { threadOf } from "./store-lists.ts";
import { cancelOnce } from "./store-start.ts";
import { isOpen, type Rows, type ThreadRow } from "./store-rows.ts";

type Made = Parameters<TenantStore["createThread"]>[0];

/** Finds the living thread with this id or key, or makes it. */
export function makeThread(
  rows: Rows,
  tenantId: TenantId,
  made: Made,
  from: Pick<ThreadRow, "branchedFrom" | "ancestors"> = { branchedFrom: null, ancestors: [] },
): { row: ThreadRow; created: boolean } {
  const { threadId, subject, metadata } = made;
  const key = made.key === null ? null : storableText(made.key);
  const title = typeof made.title === "string" ? storableText(made.title) : null;
  const known = [...rows.threads.values()].find(
    (row) =>
      row.tenantId === tenantId &&
      row.deletedAt === null &&
      (row.id === threadId || (key !== null && row.key === key && row.subject === subject)),
  );
  if (known !== undefined) return { row: known, created: false };
  const row = {
    id: threadId,
    tenantId,
    key,
    subject,
    title,
    metadata,
    createdAt: rows.now(),
    turns: 0,
    deletedAt: null,
  };
  const whole: ThreadRow = { ...row, ...from };
  rows.threads.set(threadId, whole);
  rows.countBytes(tenantId, JSON.stringify(metadata));
  return { row: whole, created: true };
}

/** The life of threads. Each statement runs in one go. */
export function createThreadLife(
  rows: Rows,
  tenantId: TenantId,
): Pick<TenantStore, "createThread" | "branchThread" | "renameThread" | "deleteThread"> {
  const living = (threadId: string | null): ThreadRow | null => {
    const row = threadId === null ? undefined : rows.threads.get(threadId);
    return row?.tenantId === tenantId && row.deletedAt === null ? row : null;
  };
  return {
    async createThread(params) {
      const { row, created } = makeThread(rows, tenantId, params);
      return { thread: threadOf(row), created };
    },

    async branchThread({ runId, ...made }) {
      const run = rows.runOf(tenantId, runId);
      const thread = living(run?.threadId ?? null);
      if (run === undefined || thread === null) return { kind: "not_found" };
      const ancestors = [...thread.ancestors, { threadId: thread.id, turns: run.threadTurn }];
      const { status } = run.projection;
      const isFit = leavesMessages(status) && ancestors.length <= THREAD_ANCESTORS_MAX;
      const key = made.key === null ? null : storableText(made.key);
      const known = [...rows.threads.values()].find(
        (row) => key !== null && row.key === key && row.subject === made.subject && living(row.id) !== null,
      );
      if (known === undefined && !isTerminalStatus(status)) return { kind: "not_ended", status };
      if (known === undefined && !isFit) return { kind: leavesMessages(status) ? "too_deep" : "merged" };
      const { row, created } = makeThread(rows, tenantId, made, { branchedFrom: runId, ancestors });
      return row.branchedFrom === runId ? { kind: "thread", thread: threadOf(row), created } : { kind: "key_taken" };
    },

    async renameThread({ threadId, title }) {
      const row = living(threadId);
      if (row === null) return null;
      row.title = title === null ? null : storableText(title);
      return threadOf(row);
    },

    async deleteThread({ threadId, by }) {
      const row = living(threadId);
      if (row === null) return null;
      row.deletedAt = rows.now();
      row.key = null;
      const open = rows.runsOfThread(threadId).filter(isOpen);
      const told = open.filter((run) => cancelOnce(rows, run, { reason: THREAD_DELETED, by }));
      audit(rows, tenantId, { action: "thread.delete", outcome: "deleted", by, targets: { threadId } });
      return told.map(({ id }) => id);
    },
  };
}

/** Removes deleted threads with their runs, once nothing needs them. */
export function removeThreads(rows: Rows): void {
  let room = REMOVED_RUNS_PER_SWEEP_MAX;
  const needed = new Set(
    [...rows.threads.values()].flatMap(({ ancestors }) => ancestors.map(({ threadId }) => threadId)),
  );
  for (const thread of rows.threads.values()) {
    const isOld = thread.deletedAt !== null && thread.deletedAt < rows.now() - DELETED_THREAD_KEPT_MS;
    const children = [...rows.runs.values()].filter((run) => run.rootThreadId === thread.id);
    const runs = [...children, ...rows.runsOfThread(thread.id)];
    if (!isOld || needed.has(thread.id) || runs.some(isOpen)) continue;
    const removed = runs.slice(0, room);
    room -= removed.length;
    const counters = rows.countersOf(thread.tenantId);
    const forget = (text: string): void => void (counters.storedBytes -= Buffer.byteLength(text));
    for (const run of removed) {
      rows.runs.delete(run.id);
      forget(JSON.stringify(run.metadata));
      for (const { payload } of run.events) forget(payload);
      for (const [callId, call] of rows.calls) if (call.runId === run.id) rows.calls.delete(callId);
    }
    if (removed.length < runs.length) return;
    rows.threads.delete(thread.id);
    forget(JSON.stringify(thread.metadata));
  }
}

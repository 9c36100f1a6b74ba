import { isId } from "@hsafa/protocol";
import { firstFacts } from "../../src/core/first-facts.ts";
import { storableText } from "../../src/ports/storable-text.ts";
import type { StartOutcome, TenantStore } from "../../src/ports/tenant-store.ts";
import { isOpen, type Rows, type ThreadRow } from "./store-rows.ts";

type Params = Parameters<TenantStore["startRun"]>[0];

/** Makes a run with its first facts. `makeThread` finds or makes the thread of a client's own key. */
export function startRun(
  rows: Rows,
  tenantId: string,
  params: Params,
  makeThread: (key: string) => ThreadRow,
): StartOutcome {
  const { runId, deviceKey, metadata, idempotency } = params;
  const earlier =
    idempotency === null
      ? undefined
      : [...rows.runs.values()].find((run) => run.tenantId === tenantId && run.idempotency?.key === idempotency.key);
  if (earlier !== undefined) {
    return earlier.idempotency?.bodyHash === idempotency?.bodyHash
      ? { kind: "started", runId: earlier.id, status: earlier.projection.status, created: false }
      : { kind: "idempotency_conflict" };
  }
  const name = storableText(params.agent);
  const agent = [...rows.agents.values()].find(
    (row) => row.tenantId === tenantId && (row.id === params.agent || row.name === name),
  );
  if (agent === undefined) return { kind: "agent_not_found" };
  const versionId = params.versionId ?? agent.currentVersionId ?? undefined;
  const version = versionId === undefined ? undefined : rows.versions.get(versionId);
  if (version?.agentId !== agent.id) return { kind: "version_not_found" };
  const thread = threadNamed(rows, tenantId, params.threadId, makeThread);
  if (thread === undefined) return { kind: "thread_not_found" };

  const now = rows.now();
  const ids = { agentId: agent.id, versionId: version.id, threadId: thread?.id ?? null };
  const facts = firstFacts({ ...params, ...ids, now });
  const isBusy = thread !== null && rows.runsOfThread(thread.id).some(isOpen);
  if (thread !== null) thread.turns += 1;
  const nothing = {
    openStep: null,
    usage: {},
    output: null,
    finishReason: null,
    error: null,
    startedAt: null,
    completedAt: null,
  };
  rows.runs.set(runId, {
    id: runId,
    tenantId,
    ...ids,
    threadTurn: thread?.turns ?? 0,
    deviceKey,
    metadata,
    idempotency,
    createdAt: now,
    events: facts,
    inputs: [],
    projection: { status: "queued", steps: 0, ...nothing },
    wakeAt: isBusy ? null : now,
    leaseOwner: null,
    claimNumber: null,
    epoch: 0,
    inbox: 0,
    recoveries: 0,
    stalls: 0,
    lastSeq: facts.length,
  });
  return { kind: "started", runId, status: "queued", created: true };
}

/** Returns the thread that a request names; null: it names none; undefined: there is none with this id. */
function threadNamed(
  rows: Rows,
  tenantId: string,
  wanted: string | undefined,
  makeThread: (key: string) => ThreadRow,
): ThreadRow | null | undefined {
  if (wanted === undefined) return null;
  const key = storableText(wanted);
  const own = [...rows.threads.values()].filter((row) => row.tenantId === tenantId);
  const found = own.find((row) => row.id === wanted) ?? own.find((row) => row.key === key);
  if (found !== undefined) return found;
  return isId(wanted) ? undefined : makeThread(wanted);
}

import { type AuditActor, isId } from "@hsafa/protocol";
import { firstFacts } from "../../src/core/first-facts.ts";
import { type AgentTerms, grantedLimits } from "../../src/core/granted-limits.ts";
import { interruptReason, planStart } from "../../src/core/plan-start.ts";
import { storableText } from "../../src/ports/storable-text.ts";
import type { StartOutcome, TenantStore } from "../../src/ports/tenant-store.ts";
import { audit } from "./store-audit.ts";
import { isOpen, type Rows, type RunRow, type ThreadRow } from "./store-rows.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";

type Params = Parameters<TenantStore["startRun"]>[0];

/** Makes a run with its first facts. `makeThread` finds or makes the thread of a client's own key. */
export function startRun(
  rows: Rows,
  tenantId: TenantId,
  params: Params,
  makeThread: (key: string, subject: string | null) => ThreadRow,
): StartOutcome {
  const { runId, subject, deviceKey, metadata, startedBy, idempotency } = params;
  const earlier =
    idempotency === null
      ? undefined
      : [...rows.runs.values()].find((run) => run.tenantId === tenantId && isSameKey(run.idempotency, idempotency));
  if (earlier !== undefined) {
    return earlier.idempotency?.bodyHash === idempotency?.bodyHash
      ? { kind: "started", runId: earlier.id, status: earlier.projection.status, created: false, told: [] }
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
  const toolNames = params.scope?.tools === undefined ? null : version.parsed.tools.map((tool) => tool.name);
  const terms = { ...(version.config as unknown as AgentTerms), toolNames };
  const faults = params.admit(terms);
  if (faults.length > 0) return { kind: "not_admitted", faults };
  const thread = threadNamed(rows, tenantId, params, makeThread);
  if (thread === undefined) return { kind: "thread_not_found" };
  const open = thread === null ? [] : rows.runsOfThread(thread.id).filter(isOpen);
  const openRuns = open.map((run) => ({ runId: run.id, agentId: run.agentId }));
  const plan = planStart(params.policy, openRuns, agent.id);
  if (plan.kind === "busy") return { kind: "thread_busy", runId: plan.runId };

  const now = rows.now();
  const ids = { agentId: agent.id, versionId: version.id, threadId: thread?.id ?? null };
  const facts = firstFacts({ ...params, ...ids, now });
  const isBusy = open.length > 0;
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
  rows.countBytes(tenantId, JSON.stringify(metadata), ...facts.map(({ payload }) => payload));
  rows.runs.set(runId, {
    id: runId,
    tenantId,
    ...ids,
    threadTurn: thread?.turns ?? 0,
    deviceKey,
    subject: thread?.subject ?? subject,
    metadata,
    limits: grantedLimits(terms, params.limits),
    startedBy,
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
    messageBytes: 0,
    recoveries: 0,
    isReprieved: false,
    stalls: 0,
    lastSeq: facts.length,
    mergedInto: null,
    keptSeq: null,
  });
  const canceled = open
    .filter(({ id }) => plan.cancels.includes(id))
    .filter((run) => cancelOnce(rows, run, { reason: interruptReason(runId), by: params.by }));
  const steered = open.filter(({ id }) => id === plan.steers).filter((run) => steer(rows, run, runId, params));
  return {
    kind: "started",
    runId,
    status: "queued",
    created: true,
    told: [...canceled, ...steered].map(({ id }) => id),
  };
}

/** Cancels a run. Returns false if it was canceled before. */
export function cancelOnce(
  rows: Rows,
  run: RunRow,
  { reason, by }: { readonly reason: string; readonly by: AuditActor },
): boolean {
  const dedupe = { key: "cancel", bodyHash: "" };
  if (run.inputs.some((row) => row.dedupe?.key === dedupe.key)) return false;
  rows.enqueueInput(run, { kind: "cancel", reason }, dedupe);
  audit(rows, run.tenantId, { action: "run.cancel", outcome: "requested", by, targets: { runId: run.id } });
  return true;
}

/** Tells the active run what the new one says. Returns false if its inbox has no room. */
function steer(rows: Rows, run: RunRow, runId: string, { messages }: Params): boolean {
  const input = { kind: "steer" as const, runId, messages };
  if (rows.hasMessagesFull(run, input) || !rows.hasInboxRoom(run, input)) return false;
  rows.enqueueInput(run, input, null);
  return true;
}

/** Returns the thread that a request names; null: it names none; undefined: there is none with this id. */
function threadNamed(
  rows: Rows,
  tenantId: TenantId,
  { threadId: wanted, subject }: Pick<Params, "threadId" | "subject">,
  makeThread: (key: string, subject: string | null) => ThreadRow,
): ThreadRow | null | undefined {
  if (wanted === undefined) return null;
  const key = storableText(wanted);
  const own = [...rows.threads.values()].filter((row) => row.tenantId === tenantId && row.deletedAt === null);
  const found = own.find((row) => row.id === wanted) ?? own.find((row) => row.key === key && row.subject === subject);
  if (found !== undefined) return found;
  return isId(wanted) ? undefined : makeThread(wanted, subject);
}

/** Whether two idempotency keys are one. The memory store holds none from before owners were kept. */
export function isSameKey(
  known: { readonly key: string; readonly owner: string } | null,
  asked: { readonly key: string; readonly owner: string },
): boolean {
  return known?.key === asked.key && known.owner === asked.owner;
}

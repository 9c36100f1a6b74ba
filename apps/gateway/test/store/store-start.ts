import { type AuditActor, isId, providerToolName } from "@hsafa/protocol";
import type { EventRecord } from "../../src/core/event-record.ts";
import { firstFacts } from "../../src/core/first-facts.ts";
import { type AgentTerms, grantedLimits } from "../../src/core/granted-limits.ts";
import { interruptReason, planStart, policyOf } from "../../src/core/plan-start.ts";
import { THREAD_ANCESTORS_MAX } from "../../src/ports/limits.ts";
import { storableText } from "../../src/ports/storable-text.ts";
import type { StartOutcome, TenantStore } from "../../src/ports/tenant-store.ts";
import { audit } from "./store-audit.ts";
import { isOpen, type Rows, type RunRow, type ThreadRow, untouchedRun, type VersionRow } from "./store-rows.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";

type Params = Parameters<TenantStore["startRun"]>[0];

/** How a start makes a thread. */
export interface ThreadMaker {
  /** Finds or makes the thread of a client's own key. */
  keyed(key: string, subject: string | null): ThreadRow;
  /** Makes a thread that goes on from before the turn of a run of another one. */
  before(
    run: RunRow,
    trunk: ThreadRow,
    made: { readonly threadId: string; readonly subject: string | null },
  ): ThreadRow;
}

/** Makes a run with its first facts. */
export function startRun(rows: Rows, tenantId: TenantId, params: Params, makes: ThreadMaker): StartOutcome {
  const { runId, subject, deviceKey, metadata, startedBy, idempotency, fork = null } = params;
  const earlier =
    idempotency === null
      ? undefined
      : [...rows.runs.values()].find((run) => run.tenantId === tenantId && isSameKey(run.idempotency, idempotency));
  if (earlier !== undefined) {
    return earlier.idempotency?.bodyHash === idempotency?.bodyHash
      ? {
          kind: "started",
          runId: earlier.id,
          status: earlier.projection.status,
          created: false,
          isHeld: false,
          told: [],
        }
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
  const { tools, providerTools = [] } = version.parsed;
  const names = [...tools.map((tool) => tool.name), ...providerTools.map(({ id }) => providerToolName(id))];
  const toolNames = params.scope?.tools === undefined ? null : names;
  const terms = { ...(version.config as unknown as AgentTerms), toolNames };
  const faults = params.admit(terms);
  if (faults.length > 0) return { kind: "not_admitted", faults };
  const made = fork === null ? null : threadOfFork(rows, tenantId, { fork, subject }, makes);
  if (made !== null && "kind" in made) return made;
  const thread = made?.thread ?? threadNamed(rows, tenantId, params, makes);
  if (thread === undefined) return { kind: "thread_not_found" };
  const open = thread === null ? [] : rows.runsOfThread(thread.id).filter(isOpen);
  const openRuns = open.map((run) => ({ runId: run.id, agentId: run.agentId }));
  const policy = policyOf(params.policy, params.leftToAgent, terms.policy);
  const plan = planStart(policy, openRuns, agent.id);
  if (plan.kind === "busy") return { kind: "thread_busy", runId: plan.runId };

  const now = rows.now();
  const ids = { agentId: agent.id, versionId: version.id, threadId: thread?.id ?? null };
  const facts = firstFacts({ ...params, ...ids, now });
  const isBusy = open.length > 0;
  if (thread !== null) thread.turns += 1;
  const begun =
    isBusy || fork !== null || !rows.isJudged ? null : beginOf(rows, params, { version, thread, facts, now });
  const events = [...facts, ...(begun?.facts ?? [])];
  rows.countBytes(tenantId, JSON.stringify(metadata), ...events.map(({ payload }) => payload));
  rows.runs.set(runId, {
    id: runId,
    tenantId,
    ...ids,
    threadTurn: thread?.turns ?? 0,
    parentRunId: null,
    rootRunId: null,
    rootThreadId: null,
    depth: 0,
    forkedFrom: fork?.from ?? null,
    deviceKey,
    subject: thread?.subject ?? subject,
    metadata,
    limits: grantedLimits(terms, params.limits),
    startedBy,
    idempotency,
    createdAt: now,
    events,
    wakeAt: isBusy ? null : now,
    ...untouchedRun(events.length),
    ...begun?.row,
  });
  const canceled = open
    .filter(({ id }) => plan.cancels.includes(id))
    .filter((run) => cancelOnce(rows, run, { reason: interruptReason(runId), by: params.by }));
  const steered = open.filter(({ id }) => id === plan.steers).filter((run) => steer(rows, run, runId, params));
  return {
    kind: "started",
    runId,
    status: begun?.row.projection.status ?? "queued",
    created: true,
    isHeld: begun !== null,
    told: [...canceled, ...steered].map(({ id }) => id),
  };
}

/** What a run has that is born under the offer of a gateway; null: it is not. */
function beginOf(
  rows: Rows,
  { runId, deviceKey, offer = null }: Params,
  run: {
    readonly version: VersionRow;
    readonly thread: ThreadRow | null;
    readonly facts: readonly EventRecord[];
    readonly now: number;
  },
) {
  const { version, thread, facts, now } = run;
  if (offer === null) return null;
  const earlierRunIds = thread === null ? [] : rows.earlierRunIds(thread.id, thread.turns);
  const begun = offer.begin({ runId, deviceKey, config: version.parsed, facts, earlierRunIds, now });
  if (begun === null) return null;
  offer.sent();
  const { gatewayId: leaseOwner, claimNumber, leaseDurationMs } = offer;
  const row = { epoch: 1, leaseOwner, claimNumber, wakeAt: now + leaseDurationMs, projection: begun.run };
  return { facts: begun.facts, row };
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
  makes: ThreadMaker,
): ThreadRow | null | undefined {
  if (wanted === undefined) return null;
  const key = storableText(wanted);
  const own = [...rows.threads.values()].filter((row) => row.tenantId === tenantId && row.deletedAt === null);
  const found = own.find((row) => row.id === wanted) ?? own.find((row) => row.key === key && row.subject === subject);
  if (found !== undefined) return found;
  return isId(wanted) ? undefined : makes.keyed(wanted, subject);
}

/** The thread of a fork, if it has one; or why there is none. */
function threadOfFork(
  rows: Rows,
  tenantId: TenantId,
  { fork, subject }: { readonly fork: NonNullable<Params["fork"]>; readonly subject: string | null },
  makes: ThreadMaker,
): { readonly thread: ThreadRow | null } | { readonly kind: "origin_not_found" | "too_deep" } {
  const { threadId } = fork;
  if (threadId === null) return { thread: null };
  const run = rows.runOf(tenantId, fork.from.runId);
  const trunk = run === undefined || run.threadId === null ? undefined : rows.threads.get(run.threadId);
  if (run === undefined || trunk === undefined || trunk.deletedAt !== null) return { kind: "origin_not_found" };
  if (trunk.ancestors.length >= THREAD_ANCESTORS_MAX) return { kind: "too_deep" };
  return { thread: makes.before(run, trunk, { threadId, subject }) };
}

/** Whether two idempotency keys are one. The memory store holds none from before owners were kept. */
export function isSameKey(
  known: { readonly key: string; readonly owner: string } | null,
  asked: { readonly key: string; readonly owner: string },
): boolean {
  return known?.key === asked.key && known.owner === asked.owner;
}

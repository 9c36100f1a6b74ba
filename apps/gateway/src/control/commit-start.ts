import {
  isId,
  type InputMessage,
  type JsonObject,
  type JsonValue,
  type RunScope,
  type RunStatus,
} from "@hsafa/protocol";
import type { Fact, Message, StartLimits, StartPolicy, UserMessage } from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import { idempotencyOwner } from "../access/idempotency-owner.ts";
import type { Principal } from "../access/principal.ts";
import { quotaExceeded } from "../access/quota-exceeded.ts";
import { speaksForOperator } from "../access/reached-subject.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { runStarterOf } from "../access/run-starter.ts";
import { canonicalHash } from "../core/canonical-json.ts";
import type { LeftToAgent } from "../core/plan-start.ts";
import { RUN_QUOTAS } from "../core/quotas.ts";
import { scopeFaults } from "../core/scoped-config.ts";
import { storedFilesIn } from "../core/stored-files-in.ts";
import type { ForkOfRun, StartFault, StartOutcome } from "../ports/tenant-store.ts";
import type { WithinQuota } from "../runtime/tenant-quotas.ts";
import { branchTooDeep, idempotencyKeyReused, threadBusy } from "./input-refusals.ts";
import { startFaults } from "./start-faults.ts";
import { type FileTakingDeps, takeFiles } from "./take-files.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

export type RunStarted =
  | { readonly kind: "started"; readonly runId: string; readonly status: RunStatus; readonly created: boolean }
  | Refusal;

type Deps = FileTakingDeps & Pick<UseCaseDeps, "bell" | "prices" | "uptake">;

/** A run that its principal may start. */
export interface CheckedStart {
  readonly agent: string;
  readonly versionId: string | undefined;
  readonly threadId: string | undefined;
  readonly policy: StartPolicy;
  readonly leftToAgent?: LeftToAgent;
  readonly earlier: readonly InputMessage[];
  readonly messages: readonly UserMessage[];
  readonly deviceKey: string | null;
  readonly metadata: JsonObject;
  readonly limits: StartLimits | undefined;
  readonly scope: RunScope;
  readonly fork?: ForkOfRun;
  readonly subject: string | null;
  readonly idempotencyKey: string | undefined;
  /** What was asked for. Under one idempotency key it must be the same. */
  readonly body: JsonValue;
}

/**
 * Commits a run. This gateway holds it from then on, or it rings for those that may claim it. `created` is false if
 * the idempotency key found an earlier run. The first facts are not put into the live log: no client knows the run's id
 * yet, and every watcher begins with the store.
 */
export async function commitStart(deps: Deps, principal: Principal, start: CheckedStart): Promise<RunStarted> {
  const { tenantId } = principal;
  const { idempotencyKey, body, ...asked } = start;
  const { threadId, scope, limits } = start;
  const store = deps.store.forTenant(tenantId);
  const keyed =
    idempotencyKey === undefined
      ? null
      : { key: idempotencyKey, owner: idempotencyOwner(principal), orUnowned: speaksForOperator(principal) };
  const isKnown = async (): Promise<boolean> => keyed !== null && store.knows({ kind: "run", ...keyed });
  const make = async (): Promise<StartOutcome | Refusal> => {
    const runId = deps.clock.newId();
    const said = await takeSaid(deps, principal, { start, runId, isKnown });
    if (said.kind === "refused") return said;
    const { earlier, messages } = said;
    return deps.uptake.start(tenantId, (offer) =>
      store.startRun({
        ...asked,
        runId,
        earlier,
        messages,
        by: actorOf(principal),
        admit: (terms) => [...startFaults(terms, limits, deps.prices), ...scopeFaults(scope, terms.toolNames ?? [])],
        startedBy: runStarterOf(principal),
        idempotency: keyed === null ? null : { ...keyed, bodyHash: canonicalHash(body) },
        offer,
      }),
    );
  };
  const within = await deps.quotas.within(tenantId, {
    needs: RUN_QUOTAS,
    isKnown,
    make: () => withinThreads(deps, principal, start, make),
  });
  const outcome = within.kind === "made" ? within.made : within;
  switch (outcome.kind) {
    case "refused":
      return outcome;
    case "no_room":
      return quotaExceeded(outcome.lack, deps.clock.now());
    case "started": {
      const { runId, status, created, isHeld, told } = outcome;
      if (created && !isHeld) deps.bell.ring({ about: "run", runId });
      for (const other of told) deps.bell.ring({ about: "run", runId: other });
      if (created && threadId !== undefined) deps.bell.ring({ about: "thread", tenantId, idOrKey: threadId });
      // Each run begins as queued, also one that was taken up with its first commit. Programs rely on that answer.
      return { kind: "started", runId, status: created ? "queued" : status, created };
    }
    case "thread_busy":
      return threadBusy(outcome.runId);
    case "agent_not_found":
      return notFound("agent");
    case "version_not_found":
      return notFound("version of this agent");
    case "thread_not_found":
      return notFound("thread");
    case "origin_not_found":
      return notFound("run");
    case "too_deep":
      return branchTooDeep("position");
    case "not_admitted":
      return notAdmitted(outcome.faults);
    case "idempotency_conflict":
      return idempotencyKeyReused();
    default:
      return outcome satisfies never;
  }
}

/**
 * The messages of a start, with their files taken in. Those that a fork takes over had been taken in by the run that it
 * is forked from. The fork is noted as a user of them, so they stay when that run is gone.
 */
async function takeSaid(
  deps: Deps,
  principal: Principal,
  params: { readonly start: CheckedStart; readonly runId: string; readonly isKnown: () => Promise<boolean> },
): Promise<({ readonly kind: "taken" } & Pick<CheckedStart, "earlier" | "messages">) | Refusal> {
  const { start, runId, isKnown } = params;
  const { earlier, messages, fork, subject } = start;
  const given = fork === undefined ? earlier : [];
  const input = [...given, ...messages].map((message, index) => ({ message, path: `input.${index}` }));
  const taken = await takeFiles(deps, principal, { runId, subject, messages: input, isKnown });
  if (taken.kind === "refused") return taken;
  if (fork !== undefined) {
    const fileIds = storedFilesIn([...earlier, ...fork.turns.flatMap(saidBy)]);
    if (fileIds.length > 0) await deps.store.forTenant(principal.tenantId).useFiles({ runId, fileIds });
  }
  return {
    kind: "taken",
    earlier: fork === undefined ? taken.messages.slice(0, given.length) : earlier,
    messages: taken.messages.slice(given.length).filter((message) => message.role === "user"),
  };
}

function saidBy(fact: Fact): readonly Message[] {
  return fact.type === "message.user" ? [fact.data.message] : [];
}

/** The fault of the agent alone is not one of the request. */
function notAdmitted(faults: readonly StartFault[]): Refusal {
  const isOfAgent = faults.every(({ path }) => path === "agent");
  return isOfAgent
    ? refuse("invalid_agent_config", "The agent's limits cannot be kept here now; see 'errors'.", faults)
    : refuse("invalid_request", "The run cannot be started with this agent; see 'errors'.", faults);
}

/** A thread's own key may make its thread, and a fork of a run on a thread makes one. Either takes room. */
async function withinThreads(
  deps: Deps,
  { tenantId }: Principal,
  { threadId: key, subject, fork }: CheckedStart,
  start: () => Promise<StartOutcome | Refusal>,
): Promise<StartOutcome | Refusal | Extract<WithinQuota<never>, { kind: "no_room" }>> {
  const isKeyed = key !== undefined && !isId(key);
  if (!isKeyed && (fork === undefined || fork.threadId === null)) return start();
  const isKnown = async (): Promise<boolean> =>
    isKeyed && (await deps.store.forTenant(tenantId).knows({ kind: "thread", key, subject }));
  const within = await deps.quotas.within(tenantId, { needs: ["threads"], isKnown, make: start });
  return within.kind === "made" ? within.made : within;
}

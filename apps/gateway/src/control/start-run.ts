import {
  type InputMessage,
  isId,
  type JsonValue,
  type RunScope,
  type RunStatus,
  type StartPolicy,
  type StartRunBody,
  type UserMessage,
} from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import { idempotencyOwner } from "../access/idempotency-owner.ts";
import { ownedBy } from "../access/owned-by.ts";
import { quotaExceeded } from "../access/quota-exceeded.ts";
import { speaksForOperator } from "../access/reached-subject.ts";
import { mayAccessThread } from "../access/thread-visibility.ts";
import { RUN_QUOTAS } from "../core/quotas.ts";
import { scopeFaults } from "../core/scoped-config.ts";
import type { TenantId } from "../core/tenant-id.ts";
import type { StartFault, StartOutcome } from "../ports/tenant-store.ts";
import type { WithinQuota } from "../runtime/tenant-quotas.ts";
import { canonicalHash } from "../core/canonical-json.ts";
import { startFaults } from "./start-faults.ts";
import { idempotencyKeyReused, threadBusy } from "./input-refusals.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { runStarterOf } from "../access/run-starter.ts";
import { hasScope } from "../access/scopes.ts";

export type RunStarted =
  | { readonly kind: "started"; readonly runId: string; readonly status: RunStatus; readonly created: boolean }
  | Refusal;

/**
 * Commits a run and rings for the gateways that may claim it. `created` is false if the idempotency key found an
 * earlier run. The first facts are not put into the live log: no client knows the run's id yet, and every watcher
 * begins with the store.
 */
export async function startRun(
  deps: Pick<UseCaseDeps, "store" | "bell" | "clock" | "quotas" | "prices" | "schemas">,
  principal: Principal,
  params: { readonly request: StartRunBody; readonly idempotencyKey: string | undefined },
): Promise<RunStarted> {
  const { request, idempotencyKey } = params;
  if (principal.runId !== undefined)
    return refuse("forbidden", "The token is bound to one run; start runs with a key.");
  if (principal.threadId !== undefined && (request.threadId ?? principal.threadId) !== principal.threadId) {
    return notFound("thread");
  }
  if (principal.deviceKey !== undefined && (request.deviceKey ?? principal.deviceKey) !== principal.deviceKey) {
    return refuse("forbidden", "The token is bound to another device key; leave 'deviceKey' out, or use its own.");
  }
  const owner = ownedBy(principal, request.subject);
  if (owner.kind === "refused") return owner;
  const { subject } = owner;
  const { earlier, messages } = splitInput(request.input);
  const excess = userExcess(principal, request, earlier);
  if (excess !== null) return excess;
  if (messages.length === 0) {
    const fault = { path: "input", message: "must end with a message of role 'user'" };
    return refuse("invalid_request", "The input says nothing new; see 'errors'.", [fault]);
  }
  const { tenantId } = principal;
  const store = deps.store.forTenant(tenantId);
  const threadId = request.threadId ?? principal.threadId;
  const { policy = "queue" } = request;
  const isScoped = request.instructions !== undefined || request.tools !== undefined;
  const unfit = policyFault(principal, { policy, threadId, earlier, isScoped });
  if (unfit !== null) return unfit;
  if (!(await mayEnter(deps, principal, { threadId, subject: request.subject }))) return notFound("thread");
  const scope = scopeOf(request);
  const unusable = await schemaFaultsOf(deps, tenantId, scope);
  if (unusable !== null) return unusable;
  const keyed =
    idempotencyKey === undefined
      ? null
      : { key: idempotencyKey, owner: idempotencyOwner(principal), orUnowned: speaksForOperator(principal) };
  const start = () =>
    store.startRun({
      runId: deps.clock.newId(),
      agent: request.agent,
      versionId: request.versionId,
      by: actorOf(principal),
      threadId,
      policy,
      earlier,
      messages,
      deviceKey: request.deviceKey ?? principal.deviceKey ?? null,
      metadata: request.metadata ?? {},
      limits: request.limits,
      scope,
      admit: (terms) => [
        ...startFaults(terms, request.limits, deps.prices),
        ...scopeFaults(scope, terms.toolNames ?? []),
      ],
      subject,
      startedBy: runStarterOf(principal),
      idempotency: keyed === null ? null : { ...keyed, bodyHash: canonicalHash(request as unknown as JsonValue) },
    });
  const within = await deps.quotas.within(tenantId, {
    needs: RUN_QUOTAS,
    isKnown: async () => keyed !== null && store.knows({ kind: "run", ...keyed }),
    make: () => withinThreads(deps, principal, { key: threadId, subject }, start),
  });
  const outcome = within.kind === "made" ? within.made : within;
  switch (outcome.kind) {
    case "no_room":
      return quotaExceeded(outcome.lack, deps.clock.now());
    case "started": {
      const { runId, status, created, told } = outcome;
      if (created) deps.bell.ring({ about: "run", runId });
      for (const other of told) deps.bell.ring({ about: "run", runId: other });
      if (created && threadId !== undefined) deps.bell.ring({ about: "thread", tenantId, idOrKey: threadId });
      return { kind: "started", runId, status, created };
    }
    case "thread_busy":
      return threadBusy(outcome.runId);
    case "agent_not_found":
      return notFound("agent");
    case "version_not_found":
      return notFound("version of this agent");
    case "thread_not_found":
      return notFound("thread");
    case "not_admitted":
      return notAdmitted(outcome.faults);
    case "idempotency_conflict":
      return idempotencyKeyReused();
    default:
      return outcome satisfies never;
  }
}

/** The fault of the agent alone is not one of the request. */
function notAdmitted(faults: readonly StartFault[]): Refusal {
  const isOfAgent = faults.every(({ path }) => path === "agent");
  return isOfAgent
    ? refuse("invalid_agent_config", "The agent's limits cannot be kept here now; see 'errors'.", faults)
    : refuse("invalid_request", "The run cannot be started with this agent; see 'errors'.", faults);
}

function scopeOf({ instructions, tools }: StartRunBody): RunScope {
  return { ...(instructions === undefined ? {} : { instructions }), ...(tools === undefined ? {} : { tools }) };
}

/** What is wrong with the schemas of a start's own tools, as the refusal; null if nothing is. */
async function schemaFaultsOf(
  { schemas }: Pick<UseCaseDeps, "schemas">,
  tenantId: TenantId,
  { tools = [] }: RunScope,
): Promise<Refusal | null> {
  const own = tools.flatMap((tool, index) => (typeof tool === "string" ? [] : [{ index, schema: tool.inputSchema }]));
  if (own.length === 0) return null;
  const checked = await schemas.check({ tenantId, schemas: own.map(({ schema }) => schema) });
  if (checked.kind === "busy")
    return refuse("too_many_requests", "Too many schemas of this tenant are being checked; start again in a moment.");
  const faults = own.flatMap(({ index }, at) => {
    const message = checked.faults[at] ?? null;
    return message === null ? [] : [{ path: `tools.${index}.inputSchema`, message }];
  });
  return faults.length === 0
    ? null
    : refuse("invalid_request", "A tool of the run cannot be used; see 'errors'.", faults);
}

/** A policy that the credential may not follow, or that says nothing here, as the refusal; null if there is none. */
function policyFault(
  principal: Principal,
  params: {
    readonly policy: StartPolicy;
    readonly threadId: string | undefined;
    readonly earlier: readonly InputMessage[];
    readonly isScoped: boolean;
  },
): Refusal | null {
  const { policy, threadId, earlier, isScoped } = params;
  if (policy === "queue") return null;
  if (threadId === undefined) {
    const fault = { path: "policy", message: "needs a 'threadId': other runs are in the way on a thread alone" };
    return refuse("invalid_request", "The policy is about a thread, and there is none; see 'errors'.", [fault]);
  }
  if (policy === "interrupt" && !hasScope(principal, ["runs:cancel"]))
    return refuse("forbidden", "To interrupt is to cancel runs: the credential needs the scope 'runs:cancel'.");
  if (policy !== "steer") return null;
  if (!hasScope(principal, ["runs:send"]))
    return refuse("forbidden", "To steer is to send to a run: the credential needs the scope 'runs:send'.");
  if (isScoped) {
    const fault = {
      path: "policy",
      message: "cannot be 'steer' together with 'instructions' or 'tools' of another run",
    };
    return refuse("invalid_request", "A run in progress keeps what its own start has said; see 'errors'.", [fault]);
  }
  if (earlier.length === 0) return null;
  const fault = { path: "input", message: "must have messages of role 'user' alone: earlier turns enter no other run" };
  return refuse("invalid_request", "The input cannot enter a run in progress; see 'errors'.", [fault]);
}

/** What a user asks for beyond what the credential names, as the refusal; null if there is nothing. */
function userExcess(principal: Principal, request: StartRunBody, earlier: readonly InputMessage[]): Refusal | null {
  if (speaksForOperator(principal)) return null;
  const { kind, agents, versions, threadId, deviceKey } = principal;
  if (agents === undefined && kind === "token") {
    return refuse("forbidden", "The token names no agent; make it with 'agents' to start runs.");
  }
  if (request.instructions !== undefined || request.tools !== undefined) {
    return refuse("forbidden", "Only a key of the operator says what an agent is told, and which tools it has.");
  }
  if (agents?.includes(request.agent) === false) return notFound("agent");
  if (request.versionId !== undefined && versions !== true) {
    return refuse("forbidden", "The credential may not choose a version; leave 'versionId' out.");
  }
  if (earlier.length > 0) {
    return refuse("forbidden", "A user sends messages of role 'user' alone; earlier turns need a key of the operator.");
  }
  if (request.deviceKey !== undefined && deviceKey === undefined) {
    return refuse("forbidden", "The credential names no device; leave 'deviceKey' out, or make a token with it.");
  }
  // A token for a device sees the runs that start from it, and so no thread of others.
  if (request.threadId !== undefined && threadId === undefined && deviceKey !== undefined) return notFound("thread");
  return null;
}

/**
 * Whether a run of this subject may be started in this thread. The principal must reach the thread, and it must not be
 * another user's. A thread's own key always names a thread of the subject.
 */
async function mayEnter(
  { store }: Pick<UseCaseDeps, "store">,
  principal: Principal,
  { threadId, subject }: { readonly threadId: string | undefined; readonly subject: string | undefined },
): Promise<boolean> {
  if (threadId === undefined || !isId(threadId) || threadId === principal.threadId) return true;
  if (speaksForOperator(principal) && subject === undefined) return true;
  const thread = await store.forTenant(principal.tenantId).findThread({ idOrKey: threadId, subject: null });
  if (thread === null || !mayAccessThread(principal, thread)) return false;
  return subject === undefined || thread.subject === null || thread.subject === subject;
}

/** A thread's own key may make its thread, which takes room. */
async function withinThreads(
  deps: Pick<UseCaseDeps, "store" | "quotas">,
  { tenantId }: Principal,
  { key, subject }: { readonly key: string | undefined; readonly subject: string | null },
  start: () => Promise<StartOutcome>,
): Promise<StartOutcome | Extract<WithinQuota<never>, { kind: "no_room" }>> {
  if (key === undefined || isId(key)) return start();
  const isKnown = () => deps.store.forTenant(tenantId).knows({ kind: "thread", key, subject });
  const within = await deps.quotas.within(tenantId, { needs: ["threads"], isKnown, make: start });
  return within.kind === "made" ? within.made : within;
}

/**
 * Divides an input into what was said earlier and what is said now. The user's messages at its end are said now;
 * everything before them was said earlier.
 */
export function splitInput(input: string | readonly InputMessage[]): {
  readonly earlier: readonly InputMessage[];
  readonly messages: readonly UserMessage[];
} {
  if (typeof input === "string") return { earlier: [], messages: [{ role: "user", content: input }] };
  const firstNew = input.findLastIndex((message) => message.role !== "user") + 1;
  const messages = input.slice(firstNew).filter((message): message is UserMessage => message.role === "user");
  return { earlier: input.slice(0, firstNew), messages };
}

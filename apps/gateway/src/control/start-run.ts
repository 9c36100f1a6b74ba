import {
  type InputMessage,
  isId,
  type JsonValue,
  type RunScope,
  type StartPolicy,
  type StartRunBody,
  type UserMessage,
} from "@hsafa/protocol";
import { ownedBy } from "../access/owned-by.ts";
import type { Principal } from "../access/principal.ts";
import { speaksForOperator } from "../access/reached-subject.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { hasScope } from "../access/scopes.ts";
import { mayAccessThread } from "../access/thread-visibility.ts";
import { scopeOf } from "../core/scoped-config.ts";
import type { TenantId } from "../core/tenant-id.ts";
import { commitStart, type RunStarted } from "./commit-start.ts";
import type { FileTakingDeps } from "./take-files.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

/** Starts a run of an agent, as far as the principal may. */
export async function startRun(
  deps: FileTakingDeps & Pick<UseCaseDeps, "bell" | "prices" | "schemas" | "uptake">,
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
  const threadId = request.threadId ?? principal.threadId;
  const { policy = "queue" } = request;
  const scope = scopeOf(request);
  const isScoped = Object.keys(scope).length > 0;
  const unfit = policyFault(principal, { policy, threadId, earlier, isScoped });
  if (unfit !== null) return unfit;
  if (!(await mayEnter(deps, principal, { threadId, subject: request.subject }))) return notFound("thread");
  const unusable = await schemaFaultsOf(deps, tenantId, scope);
  if (unusable !== null) return unusable;
  return commitStart(deps, principal, {
    agent: request.agent,
    versionId: request.versionId,
    threadId,
    policy,
    ...(request.policy === undefined ? { leftToAgent: { maySteer: earlier.length === 0 && !isScoped } } : {}),
    earlier,
    messages,
    deviceKey: request.deviceKey ?? principal.deviceKey ?? null,
    metadata: request.metadata ?? {},
    limits: request.limits,
    scope,
    subject,
    idempotencyKey,
    body: request as unknown as JsonValue,
  });
}

/** What is wrong with the schemas of a start, as the refusal; null if nothing is. */
async function schemaFaultsOf(
  { schemas }: Pick<UseCaseDeps, "schemas">,
  tenantId: TenantId,
  { tools = [], outputSchema }: RunScope,
): Promise<Refusal | null> {
  const own = tools.flatMap((tool, index) => (typeof tool === "string" ? [] : [{ index, schema: tool.inputSchema }]));
  if (own.length === 0 && outputSchema === undefined) return null;
  const checked = await schemas.check({ tenantId, schemas: own.map(({ schema }) => schema) });
  const output =
    outputSchema === undefined
      ? ({ kind: "checked", fault: null } as const)
      : await schemas.checkOutput({ tenantId, schema: outputSchema });
  if (checked.kind === "busy" || output.kind === "busy")
    return refuse("too_many_requests", "Too many schemas of this tenant are being checked; start again in a moment.");
  const faults = own.flatMap(({ index }, at) => {
    const message = checked.faults[at] ?? null;
    return message === null ? [] : [{ path: `tools.${index}.inputSchema`, message }];
  });
  if (output.fault !== null) faults.push({ path: "outputSchema", message: output.fault });
  return faults.length === 0
    ? null
    : refuse("invalid_request", "A schema of the run cannot be used; see 'errors'.", faults);
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
      message: "cannot be 'steer' together with 'instructions', 'tools' or 'outputSchema' of another run",
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
  if (Object.keys(scopeOf(request)).length > 0) {
    return refuse(
      "forbidden",
      "Only a key of the operator says what an agent is told, which tools it has, and what its runs end with.",
    );
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

import { type ForkRunBody, formatPosition, type JsonValue, parsePlace, type Run, START } from "@hsafa/protocol";
import type { Fact, UserMessage } from "@hsafa/protocol";
import { storedAgentConfigSchema } from "@hsafa/protocol/schema";
import type { Principal } from "../access/principal.ts";
import { idempotencyOwner } from "../access/idempotency-owner.ts";
import { ownedBy } from "../access/owned-by.ts";
import { speaksForOperator } from "../access/reached-subject.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import { maySeeRun } from "../access/run-visibility.ts";
import { reachesThreadOf } from "../access/find-thread.ts";
import { canonicalHash } from "../core/canonical-json.ts";
import { parseFact } from "../core/event-record.ts";
import { narrowedLimits } from "../core/granted-limits.ts";
import { TOOL_CALLS_PER_STEP_MAX } from "../core/limits.ts";
import { planFork } from "../core/plan-fork.ts";
import { resumePlace } from "../core/resume-place.ts";
import { scopedConfig, scopeOf } from "../core/scoped-config.ts";
import { EVENTS_PAGE_MAX } from "../ports/limits.ts";
import type { TenantStore } from "../ports/tenant-store.ts";
import { chargeBytes } from "../runtime/charge-bytes.ts";
import { takeRecordsTurn } from "../runtime/take-bytes-turn.ts";
import { commitStart, type RunStarted } from "./commit-start.ts";
import { idempotencyKeyReused } from "./input-refusals.ts";
import { FORK_BYTES_MAX } from "./limits.ts";
import type { FileTakingDeps } from "./take-files.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

type Deps = FileTakingDeps & Pick<UseCaseDeps, "bell" | "prices" | "schemas" | "turns" | "uptake">;

interface ForkParams {
  readonly runId: string;
  readonly request: ForkRunBody;
  readonly idempotencyKey: string | undefined;
}

type Created = Extract<Fact, { type: "run.created" }>["data"];

/**
 * Starts a run that goes on from a fact of another one, which stays as it is. It is a start like any other: what it
 * costs, whose it is and who may ask for it follow the same rules.
 *
 * 1. What a start had told the agent comes along, unless another agent is named. A user does not get rid of it so.
 * 2. Who may not choose a version gets the agent's current one.
 * 3. A fork of a run on a thread gets a thread of its own, so its principal must reach that thread as well.
 * 4. A request that is sent again is answered as before, whatever has become of the run that it forks. Else nobody
 *    would hear of a fork whose first answer was lost.
 * 5. What is copied is read, and written anew. The body says nothing of its size, so the tenant is charged here.
 */
export async function forkRun(deps: Deps, principal: Principal, params: ForkParams): Promise<RunStarted> {
  const { runId, request, idempotencyKey } = params;
  if (principal.runId !== undefined) return refuse("forbidden", "The token is bound to one run; fork with a key.");
  if (principal.threadId !== undefined)
    return refuse("forbidden", "The token is bound to one thread, and a fork begins another one; fork with a key.");
  const store = deps.store.forTenant(principal.tenantId);
  const body = { forkOf: runId, ...request } as unknown as JsonValue;
  const earlier = await startedBefore(store, principal, { idempotencyKey, body });
  if (earlier !== null) return earlier; // 4.
  if (!(await maySeeRun(deps, principal, runId))) return notFound("run");
  const run = await store.findRun({ runId });
  if (run === null || !(await reachesThreadOf(store, principal, run))) return notFound("run");
  const excess = userExcess(principal, request, run);
  if (excess !== null) return excess;
  const read = await readUpTo({ store, turns: deps.turns }, principal, run, request.position);
  if (read.kind === "refused") return read;

  const messages = saidIn(request.input);
  const reruns = (request.rerun ?? []).map((callId) => ({ callId, newId: deps.clock.newId() }));
  const plan = planFork(read.facts, { seq: read.seq, says: messages.length > 0, reruns });
  if (plan.kind === "unfit") return unfit(plan.fault);
  const created = read.facts[0]?.data as Created;
  const isSameAgent = request.agent === undefined || [run.agentId, run.agentName].includes(request.agent);
  const scope = isSameAgent ? scopeOf(created) : {}; // 1.
  const agent = request.agent ?? run.agentId;
  const mayChoose = speaksForOperator(principal) || principal.versions === true;
  const versionId = request.versionId ?? (request.agent === undefined && mayChoose ? run.versionId : undefined); // 2.
  const unusable = await rerunFaults(deps, principal, { agent, versionId, scope, reruns: plan.reruns });
  if (unusable !== null) return unusable;
  const owner = ownedBy(principal, undefined);
  if (owner.kind === "refused") return owner;
  const { limits = {} } = created;
  const narrowed = speaksForOperator(principal)
    ? { ...limits, ...request.limits }
    : narrowedLimits(limits, request.limits ?? {});
  return commitStart(deps, principal, {
    agent,
    versionId,
    threadId: undefined,
    policy: "queue",
    earlier: plan.earlier,
    messages,
    deviceKey: run.deviceKey,
    metadata: request.metadata ?? run.metadata,
    limits: Object.keys(narrowed).length === 0 ? undefined : narrowed,
    scope,
    fork: {
      from: { runId, position: formatPosition({ seq: read.seq, sub: 0 }) },
      turns: plan.turns,
      threadId: run.threadId === null ? null : deps.clock.newId(), // 3.
    },
    subject: speaksForOperator(principal) ? run.subject : owner.subject,
    idempotencyKey,
    body,
  });
}

/** What a request was answered that was sent before under this key; null: there was none. */
async function startedBefore(
  store: TenantStore,
  principal: Principal,
  { idempotencyKey, body }: { readonly idempotencyKey: string | undefined; readonly body: JsonValue },
): Promise<RunStarted | null> {
  if (idempotencyKey === undefined) return null;
  const owner = idempotencyOwner(principal);
  const found = await store.findStart({ key: idempotencyKey, owner, orUnowned: speaksForOperator(principal) });
  if (found === null) return null;
  if (found.bodyHash !== canonicalHash(body)) return idempotencyKeyReused();
  return { kind: "started", runId: found.runId, status: found.status, created: false };
}

function unfit(fault: { readonly path: string; readonly message: string }): Refusal {
  return fault.path === "position"
    ? refuse("invalid_position", `The position ${fault.message}.`)
    : refuse("invalid_request", "The run cannot be forked so; see 'errors'.", [fault]);
}

function saidIn(input: ForkRunBody["input"] = []): readonly UserMessage[] {
  return typeof input === "string" ? [{ role: "user", content: input }] : input;
}

/** What a user asks for beyond what the credential names, as the refusal; null if there is nothing. */
function userExcess(principal: Principal, request: ForkRunBody, run: Run): Refusal | null {
  if (speaksForOperator(principal)) return null;
  const { kind, agents, versions } = principal;
  if (agents === undefined && kind === "token")
    return refuse("forbidden", "The token names no agent; make it with 'agents' to start runs.");
  const named = request.agent === undefined ? [run.agentId, run.agentName] : [request.agent];
  if (agents?.some((agent) => named.includes(agent)) === false) return notFound("agent");
  if (request.versionId !== undefined && versions !== true)
    return refuse("forbidden", "The credential may not choose a version; leave 'versionId' out.");
  return null;
}

/** Reads the facts of the run up to a position, and those that may have been committed with the fact there. */
async function readUpTo(
  { store, turns }: { readonly store: TenantStore } & Pick<UseCaseDeps, "turns">,
  { tenantId }: Principal,
  run: Run,
  position: string,
): Promise<{ readonly kind: "read"; readonly seq: number; readonly facts: readonly Fact[] } | Refusal> {
  const place = parsePlace(position);
  const tail = await store.readTail({ runId: run.id });
  if (tail === null || place === null) return notFound("run");
  const { seq, sub } = place.position;
  if (sub !== 0 || seq === 0)
    return refuse(
      "invalid_position",
      `A run is forked at a fact, and ${position} is none; take one that ends with '-0'.`,
    );
  if (tail.status === "merged")
    return refuse("run_ended", "The messages of the run have entered another one; fork that ('mergedInto').");
  if (run.threadId !== null && run.startedAt === null)
    return refuse(
      "invalid_position",
      "The run has not begun, so what it sees of its thread is not settled; fork it later.",
    );
  switch (resumePlace(place, tail).kind) {
    case "beyond":
      return refuse("invalid_position", `The run stands at ${tail.lastSeq}-0, before the position ${position}.`);
    case "rewind":
      return refuse("position_lost", "The store was restored, and may have lost this position; read the run anew.");
    case "resume":
      break;
  }
  const facts: Fact[] = [];
  // A commit with a step has two facts at most for each of its calls.
  const last = seq + 2 * TOOL_CALLS_PER_STEP_MAX;
  let bytes = 0;
  for (let after = START; facts.length < last; ) {
    const page = await store.readEvents({ runId: run.id, after, limit: EVENTS_PAGE_MAX, factsOnly: true });
    const end = page.at(-1);
    if (end === undefined) break;
    after = end;
    await takeRecordsTurn(turns, tenantId, page); // 5.
    facts.push(...page.map(parseFact));
    bytes += page.reduce((sum, record) => sum + (record.seq <= seq ? Buffer.byteLength(record.payload) : 0), 0);
    if (bytes > FORK_BYTES_MAX) {
      const most = `${FORK_BYTES_MAX / 1024 / 1024} MiB`;
      return refuse("invalid_position", `The run has more than ${most} up to there; fork it at an earlier fact.`);
    }
  }
  chargeBytes(turns, tenantId, bytes); // 5.
  return { kind: "read", seq, facts };
}

/** Why calls cannot be executed again by this version, as the refusal; null if they can. */
async function rerunFaults(
  { store, schemas }: Pick<UseCaseDeps, "store" | "schemas">,
  { tenantId }: Principal,
  params: {
    readonly agent: string;
    readonly versionId: string | undefined;
    readonly scope: Parameters<typeof scopedConfig>[1];
    readonly reruns: Extract<ReturnType<typeof planFork>, { kind: "fork" }>["reruns"];
  },
): Promise<Refusal | null> {
  const { agent, scope, reruns } = params;
  if (reruns.length === 0) return null;
  const tenant = store.forTenant(tenantId);
  const versionId = params.versionId ?? (await tenant.findAgent({ idOrName: agent }))?.currentVersion?.id;
  const version = versionId === undefined ? null : await tenant.findVersion({ idOrName: agent, versionId });
  // The start says what is missing.
  if (version === null) return null;
  const config = scopedConfig(storedAgentConfigSchema.parse(version.config), scope);
  const known = reruns.map(({ toolName, args }) => {
    const tool = config.tools.find(({ name }) => name === toolName);
    return tool === undefined ? null : { schema: tool.inputSchema, value: args };
  });
  const faults = await schemas.validate({ tenantId, values: known.filter((value) => value !== null) });
  let checked = 0;
  const unusable = known.flatMap((value, index) => {
    const fault = value === null ? "is of a tool that this version does not have" : (faults[checked++] ?? null);
    return fault === null ? [] : [{ path: `rerun.${index}`, message: fault }];
  });
  return unusable.length === 0
    ? null
    : refuse("invalid_request", "A call cannot be executed again by this version; see 'errors'.", unusable);
}

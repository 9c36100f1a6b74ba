import {
  type FactType,
  type JsonObject,
  type JsonValue,
  type RunStatus,
  START,
  type ToolTarget,
} from "@hsafa/protocol";
import { v7 } from "uuid";
import { expect } from "vitest";
import type { EventRecord } from "../../../src/core/event-record.ts";
import type { CallProjection, ClaimedRun, Commit, Recipient } from "../../../src/ports/fleet-store.ts";
import type { Store } from "../../../src/ports/store.ts";
import type { Registration } from "../../../src/ports/tenant-devices.ts";
import type { StartOutcome, TenantStore } from "../../../src/ports/tenant-store.ts";
import { ANY_STARTER } from "../../support/any-starter.ts";
import { EMPTY_PLACES } from "../../support/empty-places.ts";
import type { TenantId } from "../../../src/core/tenant-id.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

/** Any moment, since the store keeps the times of records as they are given. */
export const TS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
export const LEASE_MS = 60_000;
/** Far from now, since a call that is overdue is sent to nobody. */
const DEADLINE = Date.UTC(2126, 0, 2, 3, 4, 5, 678);

/** A tenant of its own with one agent, `worker`, so that tests on one store do not see each other. */
export interface Scene {
  readonly store: Store;
  readonly tenantId: TenantId;
  readonly tenant: TenantStore;
  /** Its key `a key`. */
  readonly keyId: string;
  readonly agentId: string;
  readonly versionId: string;
}

export const CONFIG: JsonObject = {
  name: "worker",
  model: "demo/script",
  tools: [
    { name: "look", inputSchema: {}, target: "device", device: { key: "named-device" } },
    { name: "open", inputSchema: {}, target: "device" },
  ],
};

export async function openScene(store: Store): Promise<Scene> {
  const { tenantId, keyId } = await store.fleet.ensureApiKey({
    tenantName: `tenant ${v7()}`,
    name: "a key",
    keyHash: v7(),
    scopes: ["admin"],
  });
  const tenant = store.forTenant(tenantId);
  const { agentId, versionId } = await tenant.pushAgent({
    by: AN_ACTOR,
    name: "worker",
    description: null,
    version: null,
    config: CONFIG,
    configHash: "worker",
    promote: true,
  });
  return { store, tenantId, tenant, keyId, agentId, versionId };
}

type StartParams = Parameters<TenantStore["startRun"]>[0];

export function startParams(overrides: Partial<StartParams> = {}): StartParams {
  return {
    runId: v7(),
    agent: "worker",
    versionId: undefined,
    threadId: undefined,
    by: AN_ACTOR,
    policy: "queue",
    earlier: [],
    messages: [{ role: "user", content: "Go." }],
    deviceKey: null,
    metadata: {},
    limits: undefined,
    admit: () => [],
    subject: null,
    startedBy: ANY_STARTER,
    idempotency: null,
    ...overrides,
  };
}

export async function start(
  { tenant }: Scene,
  overrides: Partial<StartParams> = {},
): Promise<Extract<StartOutcome, { kind: "started" }>> {
  const outcome = await tenant.startRun(startParams(overrides));
  if (outcome.kind !== "started") throw new Error(`the run was not started: ${outcome.kind}`);
  return outcome;
}

/** The facts of a run as they are stored. */
export function factsOf({ tenant }: Scene, runId: string): Promise<readonly EventRecord[]> {
  return tenant.readEvents({ runId, after: START, limit: 500, factsOnly: true });
}

/** The gateway of each claim, for its commits. */
const CLAIMANTS = new WeakMap<ClaimedRun, string>();

/** Takes every run that is due, so that later claims do not meet those of other tests. */
export async function claimAll(store: Store, gatewayId = "gateway-a"): Promise<ClaimedRun[]> {
  const all: ClaimedRun[] = [];
  for (;;) {
    const { runs } = await store.fleet.claimRuns({
      gatewayId,
      claimNumber: 1,
      leaseDurationMs: LEASE_MS,
      limit: 100,
      places: EMPTY_PLACES,
      judgesUntil: Number.POSITIVE_INFINITY,
      lastChancesMax: 100,
    });
    if (runs.length === 0) return all;
    for (const run of runs) CLAIMANTS.set(run, gatewayId);
    all.push(...runs);
  }
}

export async function claim(
  { store }: Pick<Scene, "store">,
  runId: string,
  gatewayId = "gateway-a",
): Promise<ClaimedRun> {
  const claimed = (await claimAll(store, gatewayId)).find((run) => run.runId === runId);
  if (claimed === undefined) throw new Error(`run ${runId} was not due`);
  return claimed;
}

/** A fact with a meaningless payload, since the store never looks inside. */
export function fact(seq: number, type: FactType, overrides: Partial<EventRecord> = {}): EventRecord {
  return { seq, sub: 0, prev: { seq: seq - 1, sub: 0 }, type, ts: TS, payload: `{"n":${seq}}`, ...overrides };
}

export function delta(seq: number, sub: number, text = `${seq}-${sub}`): EventRecord {
  const payload = JSON.stringify({ step: 1, partId: "p", text });
  return { seq, sub, prev: null, type: "text.delta", ts: TS + sub, payload };
}

/** A commit of `types` by the holder of a claim. By default it keeps the lease. */
export function commitOf(
  claimed: ClaimedRun,
  types: readonly FactType[],
  overrides: Partial<Omit<Commit, "run">> & { readonly status?: RunStatus; readonly run?: Partial<Commit["run"]> } = {},
): Commit {
  const { status = "running", run, ...rest } = overrides;
  const afterSeq = rest.afterSeq ?? claimed.lastSeq;
  return {
    tenantId: claimed.tenantId,
    runId: claimed.runId,
    gatewayId: CLAIMANTS.get(claimed) ?? "gateway-a",
    epoch: claimed.epoch,
    afterSeq,
    facts: types.map((type, index) => fact(afterSeq + 1 + index, type)),
    deltas: [],
    run: {
      status,
      steps: 0,
      openStep: null,
      usage: {},
      childrenUsage: {},
      output: null,
      finishReason: null,
      error: null,
      startedAt: TS,
      completedAt: null,
      ...run,
    },
    calls: [],
    merges: [],
    children: [],
    tellsParent: null,
    progress: false,
    consumed: [],
    inboxMustBe: null,
    lease: { kind: "keep" },
    ...rest,
  };
}

/** The commit that ends a run. */
export function endOf(claimed: ClaimedRun, overrides: Parameters<typeof commitOf>[2] = {}): Commit {
  return commitOf(claimed, ["run.completed"], {
    status: "completed",
    run: { output: "Done.", finishReason: "length", completedAt: TS },
    lease: { kind: "release", wakeAt: null },
    ...overrides,
  });
}

/** A device call that is out, by default to any device that offers `open`. */
export function callOf(
  overrides: Partial<CallProjection> & { readonly args?: JsonValue; readonly target?: ToolTarget } = {},
): CallProjection {
  const recipient: Recipient = { kind: "any", labels: {}, platform: null };
  return {
    callId: v7(),
    toolName: "open",
    step: 1,
    args: { door: 1 },
    target: "device",
    status: "dispatched",
    attempt: 1,
    repeatable: false,
    recipient,
    approval: null,
    deadline: DEADLINE,
    result: undefined,
    error: null,
    source: null,
    deviceId: null,
    requestedAt: TS,
    dispatchedAt: TS,
    settledAt: null,
    ...overrides,
  };
}

export interface ParkedRun {
  readonly runId: string;
  readonly claimed: ClaimedRun;
  readonly call: CallProjection;
  readonly lastSeq: number;
}

/** Parks a run that waits for one call. It is due again at `wakeAt`, in ms; null: not by time. */
export async function parkWithCall(
  scene: Scene,
  overrides: Partial<CallProjection> = {},
  wakeAt: number | null = null,
): Promise<ParkedRun> {
  const { runId } = await start(scene);
  const claimed = await claim(scene, runId);
  const call = callOf(overrides);
  const commit = commitOf(claimed, ["run.started", "tool.requested", "tool.dispatched", "run.waiting"], {
    status: "waiting_tool",
    calls: [call],
    lease: { kind: "release", wakeAt },
  });
  expect(await scene.store.fleet.commit(commit)).toMatchObject({ kind: "committed" });
  return { runId, claimed, call, lastSeq: claimed.lastSeq + 4 };
}

export interface ConnectedDevice {
  readonly deviceId: string;
  readonly sessionId: string;
  readonly awaitsPairing: boolean;
}

/** A device that offers `open`, on a gateway that lives. */
export async function connect(scene: Scene, overrides: Partial<Registration> = {}): Promise<ConnectedDevice> {
  const registered = await register(scene, overrides);
  if (registered === null) throw new Error("the device belongs to another key");
  return registered;
}

/** A device that offers `open`, as it registers. */
export function registrationOf({ keyId }: Pick<Scene, "keyId">, overrides: Partial<Registration> = {}): Registration {
  return {
    by: AN_ACTOR,
    sessionId: v7(),
    gatewayId: "gateway-a",
    deviceKey: `device ${v7()}`,
    displayName: null,
    platform: null,
    labels: {},
    tools: [{ name: "open", description: "", inputSchema: {} }],
    bootId: "boot 1",
    maxInFlight: 4,
    owner: "a key",
    ownerId: `key:${keyId}`,
    subject: null,
    onlyRunId: null,
    onlyThreadId: null,
    mayTakeOver: false,
    isPooled: true,
    ...overrides,
  };
}

/** Registers a device as `connect` does. Null: it belongs to another key. */
export async function register(scene: Scene, overrides: Partial<Registration> = {}): Promise<ConnectedDevice | null> {
  const registration = registrationOf(scene, overrides);
  await scene.store.fleet.recordHeartbeat({ gatewayId: registration.gatewayId, stopping: false });
  const [outcome] = await scene.tenant.registerDevices([registration]);
  if (outcome?.kind === "failed") throw outcome.error;
  return outcome?.kind === "registered" ? outcome : null;
}

/** A result as it is submitted. `bodyHash` stands for its content. */
export function resultOf(
  callId: string,
  bodyHash: string,
  from: Parameters<TenantStore["submitToolResult"]>[0]["from"],
) {
  return { callId, outcome: { kind: "completed" as const, result: bodyHash }, bodyHash, from };
}

/**
 * Text that finds faults in escaping: NUL, a lone surrogate, quotes, backslashes, braces, an emoji, a line separator.
 */
export const NASTY = `\u0000 \ud800 " ' \\ \\u0000 {a,b} 😀 \u2028 NULL \r\n`;

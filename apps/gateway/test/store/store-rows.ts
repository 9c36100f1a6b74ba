import {
  type AgentConfig,
  comparePositions,
  type DeviceTool,
  type ForkOrigin,
  type GatewayReport,
  type GrantedLimits,
  isTerminalStatus,
  type JsonObject,
  type Position,
  type Quotas,
} from "@hsafa/protocol";
import type { EventRecord } from "../../src/core/event-record.ts";
import type { OutsideInput } from "../../src/core/input.ts";
import { leavesMessages } from "../../src/core/leaves-messages.ts";
import { dayOf } from "../../src/core/quotas.ts";
import { mayServe } from "../../src/core/may-serve.ts";
import type { DeviceOffer } from "../../src/core/recipient.ts";
import type { RunStarter } from "../../src/ports/run-starter.ts";
import { FIRST_GENERATION, type Generation } from "../../src/ports/generation.ts";
import { hasInboxRoom, inputBytes } from "../../src/ports/inbox.ts";
import {
  EVENTS_PAGE_BYTES_MAX,
  GATEWAY_TIMEOUT_MS,
  RUN_MESSAGES_BYTES_MAX,
  THREAD_HISTORY_RUNS_MAX,
} from "../../src/ports/limits.ts";
import type { AuditRow } from "./store-audit.ts";
import type { KeyRow, RevocationRow } from "./store-keys.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { CallProjection, RunProjection } from "../../src/ports/fleet-store.ts";
import { asTenantId, type TenantId } from "../../src/core/tenant-id.ts";

/** The rows of the memory store, like those of the tables in Postgres. Times are in ms. */

export interface AgentRow {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly name: string;
  currentVersionId: string | null;
  versionCount: number;
  readonly createdAt: number;
  updatedAt: number;
}

export interface VersionRow {
  readonly id: string;
  readonly agentId: string;
  readonly version: string;
  readonly description: string | null;
  readonly config: JsonObject;
  readonly configHash: string;
  /** With defaults filled in. A version never changes, so it is parsed once. */
  readonly parsed: AgentConfig;
  readonly createdAt: number;
}

export interface SecretRow {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly name: string;
  sealed: string;
  setBy: string;
  readonly createdAt: number;
  updatedAt: number;
}

/** A file, with the runs that use it. */
export interface KeptFile {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly owner: string;
  readonly subject: string | null;
  readonly idempotencyKey: string | null;
  readonly filename: string | null;
  mediaType: string;
  size: number;
  sha256: string;
  state: "uploading" | "stored" | "removing";
  readonly keptIn: string;
  readonly createdAt: number;
  expiresAt: number;
  readonly runIds: Set<string>;
}

export interface ThreadRow {
  readonly id: string;
  readonly tenantId: TenantId;
  key: string | null;
  readonly subject: string | null;
  title: string | null;
  readonly metadata: JsonObject;
  readonly createdAt: number;
  turns: number;
  deletedAt: number | null;
  readonly branchedFrom: string | null;
  /** The threads before it, and of each the last turn that it sees. */
  readonly ancestors: readonly { readonly threadId: string; readonly turns: number }[];
}

export interface InputRow {
  readonly inputId: string;
  readonly input: OutsideInput;
  readonly bytes: number;
  readonly dedupe: { readonly key: string; readonly bodyHash: string } | null;
  consumed: boolean;
}

export interface RunRow {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly agentId: string;
  readonly versionId: string;
  readonly threadId: string | null;
  readonly threadTurn: number;
  readonly parentRunId: string | null;
  readonly rootRunId: string | null;
  readonly rootThreadId: string | null;
  readonly depth: number;
  readonly forkedFrom: ForkOrigin | null;
  readonly deviceKey: string | null;
  readonly subject: string | null;
  readonly metadata: JsonObject;
  readonly limits: GrantedLimits;
  readonly startedBy: RunStarter;
  readonly idempotency: { readonly key: string; readonly owner: string; readonly bodyHash: string } | null;
  readonly createdAt: number;
  readonly events: EventRecord[];
  inputs: InputRow[];
  projection: RunProjection;
  wakeAt: number | null;
  leaseOwner: string | null;
  claimNumber: number | null;
  epoch: number;
  inbox: number;
  /** Of all messages that it has taken. */
  messageBytes: number;
  recoveries: number;
  isReprieved: boolean;
  stalls: number;
  lastSeq: number;
  mergedInto: string | null;
  keptSeq: number | null;
}

export interface CallRow {
  readonly tenantId: TenantId;
  readonly runId: string;
  call: CallProjection;
  sent: { readonly deviceId: string; readonly bootId: string } | null;
  readonly sentTo: Set<string>;
  resultHash: string | null;
  sentAt: number | null;
  acceptedAt: number | null;
}

export interface DeviceRow {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly key: string;
  readonly createdAt: number;
  displayName: string | null;
  platform: string | null;
  labels: Readonly<Record<string, string>>;
  tools: readonly DeviceTool[];
  owner: string;
  ownerId: string;
  subject: string | null;
  isPooled: boolean;
  pairedAt: number | null;
  lastSeenAt: number;
}

export interface SessionRow {
  readonly id: string;
  readonly deviceId: string;
  readonly gatewayId: string;
  readonly bootId: string;
  /** 0: it takes no new call. */
  maxInFlight: number;
  readonly onlyRunId: string | null;
  readonly onlyThreadId: string | null;
  readonly connectedAt: number;
  pairing: { readonly code: string; readonly expiresAt: number } | null;
  confirmedAt: number | null;
  disconnectedAt: number | null;
  reason: string | null;
}

export interface GatewayRow {
  readonly startedAt: number;
  report: GatewayReport | null;
  heartbeatAt: number;
  stopping: boolean;
  /** `none`: the store knows nothing of its process. */
  lifeline: "none" | "held" | "cut";
}

export interface TenantRow {
  readonly id: TenantId;
  readonly name: string;
  readonly createdAt: number;
  disabledAt: number | null;
}

/** What a tenant has that no row tells, and the limits that were set for it. */
export interface TenantCounters {
  storedBytes: number;
  tokens: number;
  tokensDay: number;
  limits: Partial<Quotas>;
}

/** All tables of one store. Maps keep the order of insertion, which is the order of ids. */
export class Rows {
  readonly clock: Clock;
  generation: Generation = FIRST_GENERATION;
  /** Whether the server was judged since it started. */
  isJudged = true;
  readonly tenants = new Map<TenantId, TenantRow>();
  readonly keys = new Map<string, KeyRow>();
  /** In the order of their numbers. */
  readonly revocations = new Map<string, RevocationRow>();
  revocationCount = 0;
  readonly agents = new Map<string, AgentRow>();
  readonly versions = new Map<string, VersionRow>();
  readonly secrets = new Map<string, SecretRow>();
  readonly threads = new Map<string, ThreadRow>();
  readonly runs = new Map<string, RunRow>();
  readonly calls = new Map<string, CallRow>();
  readonly devices = new Map<string, DeviceRow>();
  readonly sessions = new Map<string, SessionRow>();
  readonly gateways = new Map<string, GatewayRow>();
  /** When the lease of each gateway ends, which covers its runs without a `wakeAt`. */
  readonly gatewayLeases = new Map<string, number>();
  /** When each was deleted, by its id. */
  readonly deletedDevices = new Map<string, number>();
  readonly audit = new Map<string, AuditRow>();
  readonly files = new Map<string, KeptFile>();
  /** By the id of the file, and the number of the chunk. */
  readonly fileChunks = new Map<string, Uint8Array>();
  readonly counters = new Map<string, TenantCounters>();
  inputCount = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Keeps all rows as they are now. The returned function puts them back. */
  keep(): () => void {
    const tables: Map<string, unknown>[] = [
      this.tenants,
      this.keys,
      this.agents,
      this.versions,
      this.threads,
      this.runs,
      this.calls,
      this.devices,
      this.sessions,
      this.gateways,
      this.gatewayLeases,
      this.audit,
      this.files,
      this.fileChunks,
    ];
    const kept = structuredClone(tables);
    const { generation } = this;
    return () => {
      for (const [index, table] of tables.entries()) {
        table.clear();
        for (const [key, row] of structuredClone(kept[index] ?? [])) table.set(key, row);
      }
      this.generation = generation;
    };
  }

  now(): number {
    return Math.floor(this.clock.now());
  }

  /** Returns the tenant of this name, which is made if there is none. */
  tenantOfName(name: string): TenantId {
    const known = [...this.tenants.values()].find((row) => row.name === name);
    if (known !== undefined) return known.id;
    const id = asTenantId(this.clock.newId());
    this.tenants.set(id, { id, name, createdAt: this.now(), disabledAt: null });
    return id;
  }

  isDisabled(tenantId: TenantId): boolean {
    return (this.tenants.get(tenantId)?.disabledAt ?? null) !== null;
  }

  countersOf(tenantId: TenantId): TenantCounters {
    const known = this.counters.get(tenantId);
    if (known !== undefined) return known;
    const fresh: TenantCounters = { storedBytes: 0, tokens: 0, tokensDay: 0, limits: {} };
    this.counters.set(tenantId, fresh);
    return fresh;
  }

  countBytes(tenantId: TenantId, ...texts: readonly string[]): void {
    for (const text of texts) this.countersOf(tenantId).storedBytes += Buffer.byteLength(text);
  }

  countTokens(tenantId: TenantId, tokens: number): void {
    const counters = this.countersOf(tenantId);
    const today = dayOf(this.now());
    counters.tokens = (counters.tokensDay === today ? counters.tokens : 0) + tokens;
    counters.tokensDay = today;
  }

  runOf(tenantId: TenantId, runId: string): RunRow | undefined {
    const run = this.runs.get(runId);
    return run?.tenantId === tenantId ? run : undefined;
  }

  secretOf(tenantId: TenantId, name: string): SecretRow | undefined {
    return [...this.secrets.values()].find((row) => row.tenantId === tenantId && row.name === name);
  }

  deviceOf(tenantId: TenantId, deviceId: string): DeviceRow | undefined {
    const device = this.devices.get(deviceId);
    return device?.tenantId === tenantId ? device : undefined;
  }

  /** Returns the runs of a thread, in the order of their turns. */
  runsOfThread(threadId: string): RunRow[] {
    return [...this.runs.values()]
      .filter((run) => run.threadId === threadId)
      .toSorted((a, b) => a.threadTurn - b.threadTurn);
  }

  /** Returns the runs whose messages stand in a thread before a turn, also of the threads from which it goes on. */
  runsWithMessages(threadId: string, before: number): RunRow[] {
    const line = [...(this.threads.get(threadId)?.ancestors ?? []), { threadId, turns: before - 1 }];
    return line.flatMap(({ threadId: id, turns }) => this.runsOfThread(id).filter((run) => run.threadTurn <= turns));
  }

  /** The ended runs of a thread that a run of this turn sees, oldest first. */
  earlierRunIds(threadId: string, turn: number): string[] {
    const earlier = this.runsWithMessages(threadId, turn).filter((run) => leavesMessages(run.projection.status));
    return earlier.slice(-THREAD_HISTORY_RUNS_MAX).map(({ id }) => id);
  }

  /** Whether an earlier run of its thread has not ended. */
  waitsForTurn(run: RunRow): boolean {
    const { threadId } = run;
    if (threadId === null) return false;
    return this.runsOfThread(threadId).some((other) => other.threadTurn < run.threadTurn && isOpen(other));
  }

  /** Makes the run whose turn it is due, if it was never claimed. Returns its id. */
  wakeThread(threadId: string): string[] {
    const next = this.runsOfThread(threadId).find(isOpen);
    if (next === undefined || next.epoch > 0) return [];
    next.wakeAt ??= this.now();
    return [next.id];
  }

  /** Whether a run waits for its turn in a thread, untouched, so that its messages may enter another one. */
  isMergeable(tenantId: TenantId, runId: string): boolean {
    const run = this.runOf(tenantId, runId);
    return run?.projection.status === "queued" && run.epoch === 0 && run.inbox === 0;
  }

  /** Whether this device is connected now, under this boot id. */
  isConnected(deviceId: string, bootId: string): boolean {
    return [...this.sessions.values()].some(
      (session) =>
        session.deviceId === deviceId &&
        session.bootId === bootId &&
        session.disconnectedAt === null &&
        this.isLive(session.gatewayId),
    );
  }

  /** When the run is due, or its lease ends; null: it is not due by time. */
  dueAt({ wakeAt, leaseOwner }: RunRow): number | null {
    return wakeAt ?? (leaseOwner === null ? null : (this.gatewayLeases.get(leaseOwner) ?? null));
  }

  /** The runs that the lease of this gateway covers. */
  coveredBy(gatewayId: string): RunRow[] {
    return [...this.runs.values()].filter((run) => run.leaseOwner === gatewayId && run.wakeAt === null);
  }

  isLive(gatewayId: string): boolean {
    const gateway = this.gateways.get(gatewayId);
    return gateway !== undefined && !gateway.stopping && gateway.heartbeatAt > this.now() - GATEWAY_TIMEOUT_MS;
  }

  /** Whether the run's inbox takes this input now. */
  hasInboxRoom(run: RunRow, input: OutsideInput): boolean {
    const waiting = run.inputs.filter((row) => !row.consumed);
    const bytes = waiting.reduce((sum, row) => sum + row.bytes, 0);
    return hasInboxRoom({ kind: input.kind, bytes: inputBytes(input) }, { count: run.inbox, bytes });
  }

  /** Whether the run takes no more messages, this one included. */
  hasMessagesFull(run: RunRow, input: OutsideInput): boolean {
    if (input.kind !== "message" && input.kind !== "steer") return false;
    return run.messageBytes + inputBytes(input) > RUN_MESSAGES_BYTES_MAX;
  }

  /**
   * Puts an input into the run's inbox. It wakes a run that nobody holds; a holder learns of it at its next renewal.
   * A run that waits for its turn in a thread is woken by a cancel alone.
   */
  enqueueInput(run: RunRow, input: OutsideInput, dedupe: InputRow["dedupe"]): void {
    this.inputCount += 1;
    const bytes = inputBytes(input);
    run.inputs.push({ inputId: String(this.inputCount), input, bytes, dedupe, consumed: false });
    run.inbox += 1;
    if (input.kind === "message" || input.kind === "steer") run.messageBytes += bytes;
    const waitsForTurn = run.epoch === 0 && run.wakeAt === null;
    if (run.leaseOwner === null && (!waitsForTurn || input.kind === "cancel")) run.wakeAt = this.now();
  }
}

/** What a run has that was just started and of which nothing is known yet. */
export function untouchedRun(
  lastSeq: number,
): Pick<
  RunRow,
  | "inputs"
  | "projection"
  | "leaseOwner"
  | "claimNumber"
  | "epoch"
  | "inbox"
  | "messageBytes"
  | "recoveries"
  | "isReprieved"
  | "stalls"
  | "lastSeq"
  | "mergedInto"
  | "keptSeq"
> {
  const nothing = { openStep: null, output: null, finishReason: null, error: null, startedAt: null, completedAt: null };
  return {
    inputs: [],
    projection: { status: "queued", steps: 0, usage: {}, childrenUsage: {}, ...nothing },
    leaseOwner: null,
    claimNumber: null,
    epoch: 0,
    inbox: 0,
    messageBytes: 0,
    recoveries: 0,
    isReprieved: false,
    stalls: 0,
    lastSeq,
    mergedInto: null,
    keptSeq: null,
  };
}

export function isOpen(run: RunRow): boolean {
  return !isTerminalStatus(run.projection.status);
}

/** Puts an event at its place. Returns false when there is an event at its position already. */
export function insertEvent(events: EventRecord[], record: EventRecord): boolean {
  const at = firstAfter(events, record);
  const before = events[at - 1];
  if (before !== undefined && comparePositions(before, record) === 0) return false;
  events.splice(at, 0, record);
  return true;
}

/** Returns the first of these events, up to a count and to `EVENTS_PAGE_BYTES_MAX`. One passes whatever its size. */
export function pageOfEvents(events: readonly EventRecord[], limit: number): EventRecord[] {
  let bytes = 0;
  return events.slice(0, limit).filter((event) => {
    const passes = bytes < EVENTS_PAGE_BYTES_MAX;
    bytes += Buffer.byteLength(event.payload);
    return passes;
  });
}

/** Returns the index of the first event after a position. */
export function firstAfter(events: readonly EventRecord[], position: Position): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const event = events[middle];
    if (event !== undefined && comparePositions(event, position) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether the device, on this session, may take calls of a run. */
export function servesRun(rows: Rows, device: DeviceRow, session: SessionRow, runId: string): boolean {
  const run = rows.runs.get(runId);
  const { onlyRunId, onlyThreadId } = session;
  return run !== undefined && mayServe({ subject: device.subject, onlyRunId, onlyThreadId }, run);
}

/** What a device offers. */
export function offerOf({ id, key, owner, ownerId, platform, labels, tools, isPooled }: DeviceRow): DeviceOffer {
  return { key, deviceId: id, owner, ownerId, platform, labels, isPooled, toolNames: tools.map((tool) => tool.name) };
}

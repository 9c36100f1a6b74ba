import {
  type AgentConfig,
  comparePositions,
  type DeviceTool,
  isTerminalStatus,
  type JsonObject,
  type Position,
} from "@hsafa/protocol";
import type { EventRecord } from "../../src/core/event-record.ts";
import type { OutsideInput } from "../../src/core/input.ts";
import type { DeviceOffer } from "../../src/core/recipient.ts";
import { GATEWAY_TIMEOUT_MS } from "../../src/ports/limits.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { ApiKeyOwner, CallProjection, RunProjection } from "../../src/ports/fleet-store.ts";

/** The rows of the memory store, like those of the tables in Postgres. Times are in ms. */

export interface AgentRow {
  readonly id: string;
  readonly tenantId: string;
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

export interface ThreadRow {
  readonly id: string;
  readonly tenantId: string;
  readonly key: string | null;
  readonly metadata: JsonObject;
  readonly createdAt: number;
  turns: number;
}

export interface InputRow {
  readonly inputId: string;
  readonly input: OutsideInput;
  readonly dedupe: { readonly key: string; readonly bodyHash: string } | null;
  consumed: boolean;
}

export interface RunRow {
  readonly id: string;
  readonly tenantId: string;
  readonly agentId: string;
  readonly versionId: string;
  readonly threadId: string | null;
  readonly threadTurn: number;
  readonly deviceKey: string | null;
  readonly metadata: JsonObject;
  readonly idempotency: { readonly key: string; readonly bodyHash: string } | null;
  readonly createdAt: number;
  readonly events: EventRecord[];
  inputs: InputRow[];
  projection: RunProjection;
  wakeAt: number | null;
  leaseOwner: string | null;
  claimNumber: number | null;
  epoch: number;
  inbox: number;
  recoveries: number;
  stalls: number;
  lastSeq: number;
}

export interface CallRow {
  readonly tenantId: string;
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
  readonly tenantId: string;
  readonly key: string;
  readonly createdAt: number;
  displayName: string | null;
  platform: string | null;
  labels: Readonly<Record<string, string>>;
  tools: readonly DeviceTool[];
  lastSeenAt: number;
}

export interface SessionRow {
  readonly id: string;
  readonly deviceId: string;
  readonly gatewayId: string;
  readonly bootId: string;
  readonly connectedAt: number;
  confirmedAt: number | null;
  disconnectedAt: number | null;
  reason: string | null;
}

export interface GatewayRow {
  heartbeatAt: number;
  stopping: boolean;
  /** `none`: the store knows nothing of its process. */
  lifeline: "none" | "held" | "cut";
}

/** All tables of one store. Maps keep the order of insertion, which is the order of ids. */
export class Rows {
  readonly clock: Clock;
  readonly tenants = new Map<string, string>();
  readonly keys = new Map<string, ApiKeyOwner>();
  readonly agents = new Map<string, AgentRow>();
  readonly versions = new Map<string, VersionRow>();
  readonly threads = new Map<string, ThreadRow>();
  readonly runs = new Map<string, RunRow>();
  readonly calls = new Map<string, CallRow>();
  readonly devices = new Map<string, DeviceRow>();
  readonly sessions = new Map<string, SessionRow>();
  readonly gateways = new Map<string, GatewayRow>();
  inputCount = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  now(): number {
    return Math.floor(this.clock.now());
  }

  runOf(tenantId: string, runId: string): RunRow | undefined {
    const run = this.runs.get(runId);
    return run?.tenantId === tenantId ? run : undefined;
  }

  deviceOf(tenantId: string, deviceId: string): DeviceRow | undefined {
    const device = this.devices.get(deviceId);
    return device?.tenantId === tenantId ? device : undefined;
  }

  /** Returns the runs of a thread, in the order of their turns. */
  runsOfThread(threadId: string): RunRow[] {
    return [...this.runs.values()]
      .filter((run) => run.threadId === threadId)
      .toSorted((a, b) => a.threadTurn - b.threadTurn);
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

  isLive(gatewayId: string): boolean {
    const gateway = this.gateways.get(gatewayId);
    return gateway !== undefined && !gateway.stopping && gateway.heartbeatAt > this.now() - GATEWAY_TIMEOUT_MS;
  }

  /**
   * Puts an input into the run's inbox. It wakes a run that nobody holds; a holder learns of it at its next renewal.
   * A run that waits for its turn in a thread is woken by a cancel alone.
   */
  enqueueInput(run: RunRow, input: OutsideInput, dedupe: InputRow["dedupe"]): void {
    this.inputCount += 1;
    run.inputs.push({ inputId: String(this.inputCount), input, dedupe, consumed: false });
    run.inbox += 1;
    const waitsForTurn = run.epoch === 0 && run.wakeAt === null;
    if (run.leaseOwner === null && (!waitsForTurn || input.kind === "cancel")) run.wakeAt = this.now();
  }
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

/** What a device offers. */
export function offerOf({ key, platform, labels, tools }: DeviceRow): DeviceOffer {
  return { key, platform, labels, toolNames: tools.map((tool) => tool.name) };
}

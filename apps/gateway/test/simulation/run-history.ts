import type { EventRecord } from "../../src/core/event-record.ts";
import type { Loss } from "./lost-leases.ts";
import { asTenantId, type TenantId } from "../../src/core/tenant-id.ts";

const SETTLEMENTS: ReadonlySet<string> = new Set(["tool.completed", "tool.failed", "tool.expired", "tool.denied"]);

/** What happened to one run, as the store applied it. */
export interface RunHistory {
  readonly runId: string;
  tenantId: TenantId;
  readonly facts: EventRecord[];
  /** The texts of the facts as they travel, in their order. */
  readonly factTexts: string[];
  /** The current epoch, raised by claims alone. */
  epoch: number;
  /** By position: the wire text under which a delta was first seen anywhere. */
  readonly deltas: Map<string, string>;
  /** By the seq of a `step.started`: the epoch under which it was committed. */
  readonly stepEpochs: Map<number, number>;
  acceptedInputs: number;
  readonly consumed: Set<string>;
  /** How many inputs the commit names that ended it. */
  consumedAtEnd: number;
  /** A cancel of it was accepted. */
  isCanceled: boolean;
  /** By call id: whether the accepted decision approved it. */
  readonly decisions: Map<string, boolean>;
  /** Runs whose messages it was told to take, and has not taken. */
  readonly steeredBy: Set<string>;
  /** The thread that it is on; null: none. */
  threadId: string | null;
  hasEnded: boolean;
  /** The gateway that claimed it last. */
  holder: string | null;
  /** Why its leases were lost since it last made progress. */
  losses: Loss[];
  /** Leases that were lost to a stall, which their gateway has not forgiven yet: by epoch, the gateway. */
  readonly unforgiven: Map<number, string>;
  /** How often its own work has stalled a gateway, as the store knows. */
  stalls: number;
  /** It kills every gateway that loads it. */
  isPoison: boolean;
  /** The run whose turn in the thread is before this one's. */
  before: RunHistory | null;
}

export function newRunHistory(runId: string): RunHistory {
  return {
    runId,
    tenantId: asTenantId(""),
    facts: [],
    factTexts: [],
    epoch: 0,
    deltas: new Map(),
    stepEpochs: new Map(),
    acceptedInputs: 0,
    consumed: new Set(),
    consumedAtEnd: 0,
    isCanceled: false,
    decisions: new Map(),
    steeredBy: new Set(),
    threadId: null,
    hasEnded: false,
    holder: null,
    losses: [],
    unforgiven: new Map(),
    stalls: 0,
    isPoison: false,
    before: null,
  };
}

/** By the id of each call that the run asked for: the facts that settled it. */
export function settlementsOf(history: RunHistory): Map<string, EventRecord[]> {
  const settled = new Map<string, EventRecord[]>();
  for (const fact of history.facts) {
    if (fact.type === "tool.requested") settled.set(callIdOf(fact), []);
    else if (SETTLEMENTS.has(fact.type)) settled.get(callIdOf(fact))?.push(fact);
  }
  return settled;
}

export function dataOf(record: EventRecord): Record<string, unknown> {
  return JSON.parse(record.payload) as Record<string, unknown>;
}

export function callIdOf(record: EventRecord): string {
  return String(dataOf(record)["callId"]);
}

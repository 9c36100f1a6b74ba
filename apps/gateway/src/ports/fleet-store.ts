import type { AgentConfig, JsonValue, Position, Scope } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { DispatchStatus, OutsideInput } from "../core/input.ts";
import type { CallProjection, RunProjection } from "../core/projection.ts";

export type { CallProjection, RunProjection } from "../core/projection.ts";
export type { Recipient } from "../core/recipient.ts";

/** A run that this gateway alone may advance until its lease ends. */
export interface ClaimedRun {
  readonly runId: string;
  readonly tenantId: string;
  /** Raised by this claim. */
  readonly epoch: number;
  readonly lastSeq: number;
  /** Whether the holder before did not give the lease back. */
  readonly lost: boolean;
  /** Claims since the last progress that found a lost lease, this one included. */
  readonly recoveries: number;
  /** How often the run's own work has stalled a gateway (`core/blame.ts`). */
  readonly stalls: number;
}

/** What stalls of a gateway have cost: the runs that are counted for them, and the leases that are forgiven. */
export interface StallCosts {
  /** Runs whose own work stalled the gateway, and how often it did so in all. */
  readonly stalled: readonly { readonly runId: string; readonly stalls: number }[];
  /** Leases that the gateway had meanwhile for other runs. */
  readonly forgiven: readonly { readonly runId: string; readonly epoch: number }[];
}

/** What a holder needs to go on with a run. */
export interface LoadedRun {
  readonly deviceKey: string | null;
  /** With defaults filled in. */
  readonly config: AgentConfig;
  /** All facts, in order. */
  readonly facts: readonly EventRecord[];
  /** The position of the last event in the store. It is the `prev` of the next fact. */
  readonly lastPosition: Position;
  /** The ended runs of the thread before this one, oldest first; the newest `THREAD_HISTORY_RUNS_MAX` of them. */
  readonly earlierRunIds: readonly string[];
  readonly inbox: Inbox;
  readonly dispatchContext: DispatchContext;
}

/**
 * A run that kept killing its gateways, as its row and its open calls tell it. Its events are not read: one of them may
 * be what kills.
 */
export interface RunOutline {
  readonly run: RunProjection;
  /** How many inputs wait. The end of the run consumes them unread. */
  readonly inboxCount: number;
  readonly openCalls: readonly CallProjection[];
}

/** The inputs that wait for a run. Both fields are read at one moment. */
export interface Inbox {
  /** How many inputs wait. */
  readonly count: number;
  /**
   * Cancels first, whatever their dedupe key; then the others. Each group is oldest first. At most
   * `INPUTS_PER_DRAIN_MAX`.
   */
  readonly inputs: readonly PendingInput[];
}

export interface PendingInput {
  readonly inputId: string;
  readonly input: OutsideInput;
}

/** What `proceed` needs to know of devices. */
export interface DispatchContext {
  /** Ids of the known devices that the run's config or origin names, by device key. */
  readonly deviceIds: Readonly<Record<string, string>>;
  /** One entry for each device call that is out, by call id. */
  readonly dispatches: Readonly<Record<string, DispatchStatus>>;
}

export interface Commit {
  readonly tenantId: string;
  readonly runId: string;
  readonly epoch: number;
  /** The seq of the last fact before these (R2). A row whose last fact is another one refuses the commit. */
  readonly afterSeq: number;
  /**
   * Contiguous from `afterSeq + 1`. A commit without facts consumes inputs that changed nothing, or gives the lease
   * back.
   */
  readonly facts: readonly EventRecord[];
  /** Deltas not yet acknowledged by `appendDeltas`. One that is stored already is skipped. */
  readonly deltas: readonly EventRecord[];
  readonly run: RunProjection;
  /** The calls whose rows change. */
  readonly calls: readonly CallProjection[];
  /** Whether these facts got the run further. If so, the commit clears the count of recoveries. */
  readonly progress: boolean;
  /** The inputs that these facts took account of. A commit that ends the run consumes every input that waits (R6). */
  readonly consumed: readonly string[];
  /**
   * The commit succeeds only while exactly this many inputs wait; null: whatever waits. It is set by a commit that
   * parks the run, expires a call or ends the run, so that no input is overlooked. It is also set by a commit that
   * leaves no other trace, since it has no fact and keeps the lease. So of two tries of it one succeeds.
   */
  readonly inboxMustBe: number | null;
  /**
   * `release` gives the lease back. The run is due again at `wakeAt`, in ms; null: when an input comes. An ended run is
   * never due. A run whose inbox is not empty is due at once.
   */
  readonly lease: { readonly kind: "keep" } | { readonly kind: "release"; readonly wakeAt: number | null };
}

export type CommitOutcome =
  /**
   * Written now, or found written by an earlier try of the same commit. `wakes`: the next run of the thread, now due.
   */
  | { readonly kind: "committed"; readonly wakes: readonly string[] }
  /** Nothing was written. An input has come: read the inbox and decide again. */
  | { readonly kind: "inputs_waiting" }
  /** Nothing was written. The run is no longer held under this epoch. */
  | { readonly kind: "fenced" };

/** A call, as the gateway that holds a device's socket sees it. */
export interface OpenCall {
  readonly callId: string;
  readonly runId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  readonly attempt: number;
  readonly deadline: number | null;
  readonly repeatable: boolean;
  /** The device to which this attempt was sent; null: to none yet. */
  readonly sentTo: { readonly deviceId: string; readonly bootId: string; readonly connected: boolean } | null;
}

export interface OpenCallsOfSession {
  readonly sessionId: string;
  /** False once the session has ended, for example because another connection replaced it. */
  readonly current: boolean;
  /**
   * Dispatched device calls without a result, in three groups, each oldest first:
   *
   * 1. calls that the device has in hand, which were sent to it in this session's boot;
   * 2. calls that were sent to it in earlier boots;
   * 3. calls that it may take: they were sent to no device, or are repeatable and the device that has them is gone.
   *
   * Groups 1 and 2 hold `SENT_CALLS_PER_SESSION_MAX` calls together, group 3 holds `OPEN_CALLS_PER_SESSION_MAX`.
   * Neither bound takes places from group 1. So a call that was sent in this session's boot and is not listed was
   * settled, was answered, or is out under another attempt.
   */
  readonly calls: readonly OpenCall[];
}

export interface ApiKeyOwner {
  readonly tenantId: string;
  readonly keyId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/**
 * The statements that serve all tenants (R10 lists them by name). Each method may be repeated when its outcome is
 * unknown. Times are in ms.
 */
export interface FleetStore {
  /**
   * Takes up to `limit` runs that are due, gives each a lease of `leaseDurationMs`, and raises its epoch.
   *
   * 1. A run that another claim is taking is skipped.
   * 2. Runs that have begun go before new ones. Among new runs the tenants take turns. A run on a thread waits for the
   *    run before it, unless a cancel waits for it.
   * 3. A run whose lease has ended is taken only until `judgesUntil`, a time of the database. The same holds for a run
   *    with an overdue call and an empty inbox. A claim that was held up on its way cannot know whether the holder, or
   *    the result, was cut off by the same cause. With null no such run is taken.
   * 4. `claimNumber` is given to no other claim of this gateway. `releaseClaims` finds by it what a claim took whose
   *    answer was lost.
   * 5. At most `lastChancesMax` of the runs taken are on their last chance (their `recoveries` become
   *    `RECOVERIES_MAX`). The others of that kind stay due.
   *
   * Returns the runs and the time of the database. `nextWakeInMs`: when the next run that has begun is due, or 0 when a
   * due run was left for want of room; null: none.
   */
  claimRuns(params: {
    readonly gatewayId: string;
    readonly claimNumber: number;
    readonly leaseDurationMs: number;
    readonly limit: number;
    readonly judgesUntil: number | null;
    readonly lastChancesMax: number;
  }): Promise<{ readonly now: number; readonly runs: readonly ClaimedRun[]; readonly nextWakeInMs: number | null }>;
  /** Returns what a holder needs; null when the epoch is no longer current. */
  loadRun(params: {
    readonly tenantId: string;
    readonly runId: string;
    readonly epoch: number;
  }): Promise<LoadedRun | null>;
  /** Returns what is needed to give a run up, without loading its events; null when the epoch is no longer current. */
  loadOutline(params: {
    readonly tenantId: string;
    readonly runId: string;
    readonly epoch: number;
  }): Promise<RunOutline | null>;
  /** Returns the facts of each of these runs, in order, for transcripts. A run that is missing has no entry. */
  loadFacts(params: {
    readonly tenantId: string;
    readonly runIds: readonly string[];
  }): Promise<ReadonlyMap<string, readonly EventRecord[]>>;
  /** Reads the inbox and the dispatch context anew, for a holder. Returns null when the epoch is no longer current. */
  readInbox(params: {
    readonly runId: string;
    readonly epoch: number;
  }): Promise<{ readonly inbox: Inbox; readonly dispatchContext: DispatchContext } | null>;
  /** Writes all of a commit or nothing, under the guard of `judgeCommit`. */
  commit(commit: Commit): Promise<CommitOutcome>;
  /**
   * Extends these leases; a gateway sends one renewal for all its runs. Returns the leases that are still held, with
   * the count of their inboxes. A lease that is not returned is lost. One that has ended is extended as long as no
   * other gateway has taken the run.
   */
  renewLeases(params: {
    readonly gatewayId: string;
    readonly leaseDurationMs: number;
    readonly runs: readonly { readonly runId: string; readonly epoch: number }[];
  }): Promise<readonly { readonly runId: string; readonly epoch: number; readonly inbox: number }[]>;
  /** Gives leases back without a fact. The runs are due at once, and the next claim does not count them as lost. */
  releaseLeases(params: {
    readonly runs: readonly { readonly runId: string; readonly epoch: number }[];
  }): Promise<void>;
  /**
   * Settles what stalls have cost. A run's stalls become at least what is named. A claim that took one of the forgiven
   * leases for lost is counted no longer. Call it once the gateway has renewed or returned those leases. Repeated, it
   * may forgive one loss too many.
   */
  settleStalls(params: StallCosts): Promise<void>;
  /**
   * Gives back what these claims of a gateway took, as far as no other claim has taken it since. It serves claims whose
   * answer was lost. The runs are due at once and do not count as lost. A claim that reaches the store later than this
   * is not undone.
   */
  releaseClaims(params: {
    readonly gatewayId: string;
    readonly leaseDurationMs: number;
    readonly claimNumbers: readonly number[];
  }): Promise<void>;
  /**
   * Writes deltas of many runs, in order, and waits for no run's row. A row of a stale epoch, or that is stored
   * already, is skipped and is no error for the others.
   */
  appendDeltas(params: {
    readonly rows: readonly {
      readonly tenantId: string;
      readonly runId: string;
      readonly epoch: number;
      readonly record: EventRecord;
    }[];
  }): Promise<void>;
  /** Returns the last seq of each of these runs. */
  readTails(params: { readonly runIds: readonly string[] }): Promise<ReadonlyMap<string, number>>;
  /** Returns for each session whether it is still the device's own, and the calls that are open for its device. */
  readOpenCalls(params: { readonly sessionIds: readonly string[] }): Promise<readonly OpenCallsOfSession[]>;
  /**
   * Records that this gateway lives; the first heartbeat registers it. Where the store can tell that a process is gone,
   * the heartbeat also ties the gateway to its process by a lifeline. The lifeline is cut when the process dies. A
   * gateway that only lost its connection ties it again by its next heartbeat.
   */
  recordHeartbeat(params: { readonly gatewayId: string; readonly stopping: boolean }): Promise<void>;
  /**
   * Ends what dead gateways hold: their device sessions are over, and their runs are due at once and count as lost.
   * Returns those runs.
   *
   * 1. A gateway is dead when its lifeline is cut and its last heartbeat is older than `silenceMs`.
   * 2. A gateway that is frozen, out of reach, or never had a lifeline is not dead. Its leases end by time.
   * 3. A lifeline tells nothing after the store itself restarted or failed over.
   * 4. After `until`, a time of the database, no gateway is judged. What held this call up may have kept the others
   *    silent.
   */
  endDeadGateways(params: { readonly silenceMs: number; readonly until: number }): Promise<readonly string[]>;
  /** Returns how many gateways have sent a heartbeat within this time. */
  countLiveGateways(params: { readonly withinMs: number }): Promise<number>;
  /**
   * Mends what no event will mend. It ends the sessions of gateways without a heartbeat for `gatewayTimeoutMs`. It
   * forgets gateways after `GATEWAY_KEPT_MS`. It wakes queued runs whose turn in their thread has come. Returns the
   * runs that became due.
   */
  sweep(params: { readonly gatewayTimeoutMs: number }): Promise<readonly string[]>;
  /** Returns the owner of the key with this hash; null for an unknown or a revoked key. */
  findApiKey(params: { readonly keyHash: string }): Promise<ApiKeyOwner | null>;
  /**
   * Makes a key with this hash, and its tenant if there is none of this name. A hash that is known changes nothing. It
   * serves the development key and the operator's keys.
   */
  ensureApiKey(params: {
    readonly tenantName: string;
    readonly name: string;
    readonly keyHash: string;
    readonly scopes: readonly Scope[];
  }): Promise<ApiKeyOwner>;
}

import type { AgentConfig, JsonValue, Position, Scope } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { DispatchStatus, OutsideInput } from "../core/input.ts";
import type { CallProjection, RunProjection } from "../core/projection.ts";

export type { CallProjection, RunProjection } from "../core/projection.ts";
export type { Recipient } from "../core/recipient.ts";

/** A run this gateway may now advance, alone, until its lease ends. */
export interface ClaimedRun {
  readonly runId: string;
  readonly tenantId: string;
  /** Raised by this claim. */
  readonly epoch: number;
  readonly lastSeq: number;
  /** Whether the holder before did not hand the lease back. */
  readonly lost: boolean;
  /** Claims since the last progress that found a lost lease, this one included. */
  readonly recoveries: number;
}

/** Everything a holder needs to go on with a run. */
export interface LoadedRun {
  readonly deviceKey: string | null;
  /** Defaults filled in. */
  readonly config: AgentConfig;
  /** All facts, in order. */
  readonly facts: readonly EventRecord[];
  /** The position of the last event the store holds: the `prev` of the next fact. */
  readonly lastPosition: Position;
  /**
   * The ended runs of the thread before this one, oldest first, at most `THREAD_HISTORY_RUNS_MAX`; empty without a
   * thread.
   */
  readonly earlierRunIds: readonly string[];
  readonly inbox: Inbox;
  readonly dispatchContext: DispatchContext;
}

/**
 * A run that kept killing its gateways, from its row and its open calls alone: whatever kills lies perhaps in its
 * events.
 */
export interface RunOutline {
  readonly run: RunProjection;
  /** How many inputs wait: the end consumes them unseen. */
  readonly inboxCount: number;
  readonly openCalls: readonly CallProjection[];
}

/** The inputs waiting, and the counter they were read with, in one statement. */
export interface Inbox {
  readonly count: number;
  /**
   * A cancel first, which is not to wait behind what came before it; the others oldest first. At most
   * `INPUTS_PER_DRAIN_MAX`.
   */
  readonly inputs: readonly PendingInput[];
}

export interface PendingInput {
  readonly inputId: string;
  readonly input: OutsideInput;
}

/** What `proceed` needs to know of the world. */
export interface DispatchContext {
  /** Ids of the known devices whose keys the run's config or origin names. */
  readonly deviceIds: Readonly<Record<string, string>>;
  /** One entry per device call that is out. */
  readonly dispatches: Readonly<Record<string, DispatchStatus>>;
}

export interface Commit {
  readonly tenantId: string;
  readonly runId: string;
  readonly epoch: number;
  /** The seq of the last fact before these (R2): a row that stands elsewhere refuses the commit. */
  readonly afterSeq: number;
  /**
   * Contiguous from `afterSeq + 1`. None: the commit only consumes inputs that changed nothing, or gives the lease
   * back.
   */
  readonly facts: readonly EventRecord[];
  /** Deltas not yet acknowledged by `appendDeltas`, written along (on conflict nothing). */
  readonly deltas: readonly EventRecord[];
  readonly run: RunProjection;
  /** The calls whose row changes. */
  readonly calls: readonly CallProjection[];
  /** Whether these facts got the run any further: clears the count of its recoveries. */
  readonly progress: boolean;
  /**
   * The inputs these facts took account of: consumed with the commit. One that ends the run consumes whatever waits
   * (R6).
   */
  readonly consumed: readonly string[];
  /**
   * Set when the commit parks the run, expires a call or ends the run: it succeeds only while exactly this many inputs
   * wait (so none slips by unseen). Also when it leaves no other trace, neither a fact nor a lease given back: of two
   * tries of it one succeeds.
   */
  readonly inboxMustBe: number | null;
  /**
   * `release`: give the lease back and look again at `wakeAt` (null: only when an input comes, or never for an ended
   * run).
   */
  readonly lease: { readonly kind: "keep" } | { readonly kind: "release"; readonly wakeAt: number | null };
}

export type CommitOutcome =
  /** Written now, or found written by an earlier try of the same commit. `wakes`: the thread's next run, now due. */
  | { readonly kind: "committed"; readonly wakes: readonly string[] }
  /** The lease and the facts fit, but an input has come: drain and decide again. Nothing was written. */
  | { readonly kind: "inputs_waiting" }
  /** The epoch is no longer ours. Nothing was written. */
  | { readonly kind: "fenced" };

/** A call as the gateway that holds the device's socket sees it. */
export interface OpenCall {
  readonly callId: string;
  readonly runId: string;
  readonly toolName: string;
  readonly args: JsonValue;
  readonly attempt: number;
  readonly deadline: number | null;
  readonly repeatable: boolean;
  /** To whom this attempt was sent; null: to nobody yet. */
  readonly sentTo: { readonly deviceId: string; readonly bootId: string; readonly connected: boolean } | null;
}

export interface OpenCallsOfSession {
  readonly sessionId: string;
  /** False once another connection replaced it, or it was swept. */
  readonly current: boolean;
  /**
   * Dispatched device calls without a result, in three groups, each oldest first: those that this device has in hand
   * (sent to it in this session's boot), those sent to it in earlier boots, and those that it may take, from nobody's
   * hand or that of one that is gone. The first two together are at most `SENT_CALLS_PER_SESSION_MAX`, the third is at
   * most `OPEN_CALLS_PER_SESSION_MAX`, and neither bound takes room from the first group: however much else is open, a
   * call that was sent to this session and is missing there was settled, answered, or put out as another attempt.
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
 * The statements that serve all tenants (R10 lists them by name). Each is one round trip, and safe to repeat when its
 * outcome is unknown.
 */
export interface FleetStore {
  /**
   * Takes up to `limit` runs whose `wake_at` has come, with lease and epoch, skipping those others are taking. Runs
   * that have begun go before new ones; among new ones tenants take turns; a run on a thread waits for the one before
   * it. `now`: the database's time, in ms. Only until `judgesUntil`, a time of the database in ms, are runs taken whose
   * lease has ended, or of which a call is overdue and nothing waits to be read: a claim that was held up on its way
   * knows no longer whether their holders, or the answer, were cut off meanwhile. Null takes none of these (for a
   * gateway that was itself cut off). `claimNumber`: a number that this
   * gateway gives no other claim, by which it can give back what it took without ever hearing of it. Of runs that are
   * then on their last chance (`recoveries` would be `RECOVERIES_MAX`) it takes `lastChancesMax` at most; the others
   * stay where they are.
   */
  claimRuns(params: {
    readonly gatewayId: string;
    readonly claimNumber: number;
    readonly leaseDurationMs: number;
    readonly limit: number;
    readonly judgesUntil: number | null;
    readonly lastChancesMax: number;
  }): Promise<{ readonly now: number; readonly runs: readonly ClaimedRun[]; readonly nextWakeInMs: number | null }>;
  /** Everything about a claimed run; null when the epoch is no longer ours. */
  loadRun(params: {
    readonly tenantId: string;
    readonly runId: string;
    readonly epoch: number;
  }): Promise<LoadedRun | null>;
  /** What ends a run that is given up, without loading its events; null when the epoch is no longer ours. */
  loadOutline(params: {
    readonly tenantId: string;
    readonly runId: string;
    readonly epoch: number;
  }): Promise<RunOutline | null>;
  /** The facts of ended runs, each in order, for their transcripts. */
  loadFacts(params: {
    readonly tenantId: string;
    readonly runIds: readonly string[];
  }): Promise<ReadonlyMap<string, readonly EventRecord[]>>;
  /** The inbox and the dispatchContext again, for a holder; null when the epoch is no longer ours. */
  readInbox(params: {
    readonly runId: string;
    readonly epoch: number;
  }): Promise<{ readonly inbox: Inbox; readonly dispatchContext: DispatchContext } | null>;
  commit(commit: Commit): Promise<CommitOutcome>;
  /**
   * Extends these leases; one statement per gateway and beat. Answers those that are still ours with their inbox count;
   * one that is missing is lost. A lease that has ended is renewed late as long as its epoch is ours.
   */
  renewLeases(params: {
    readonly gatewayId: string;
    readonly leaseDurationMs: number;
    readonly runs: readonly { readonly runId: string; readonly epoch: number }[];
  }): Promise<readonly { readonly runId: string; readonly epoch: number; readonly inbox: number }[]>;
  /** Gives leases back without a fact: the runs are due at once, and this does not count as a recovery. */
  releaseLeases(params: {
    readonly runs: readonly { readonly runId: string; readonly epoch: number }[];
  }): Promise<void>;
  /**
   * Gives back whatever these claims of a gateway took and nobody has taken since, for claims whose answer was lost:
   * due at once, and no recovery either. A claim that reaches the store later still is not undone by this.
   */
  releaseClaims(params: {
    readonly gatewayId: string;
    readonly leaseDurationMs: number;
    readonly claimNumbers: readonly number[];
  }): Promise<void>;
  /**
   * Writes deltas of many runs, in order, without locking run rows. A row whose epoch is stale or which is there
   * already is skipped, never an error for the others.
   */
  appendDeltas(params: {
    readonly rows: readonly {
      readonly tenantId: string;
      readonly runId: string;
      readonly epoch: number;
      readonly record: EventRecord;
    }[];
  }): Promise<void>;
  /** The last seq of each of these runs. */
  readTails(params: { readonly runIds: readonly string[] }): Promise<ReadonlyMap<string, number>>;
  /** For each session held here: whether it is still the device's own, and its open calls. */
  readOpenCalls(params: { readonly sessionIds: readonly string[] }): Promise<readonly OpenCallsOfSession[]>;
  /**
   * Says that this gateway lives. The first beat registers it. Where the store can tell that a process is gone, the
   * beat also ties the gateway to its process: it then has a lifeline, which is cut when the process dies, and tied
   * again by the next beat of one that only lost its connection.
   */
  recordHeartbeat(params: { readonly gatewayId: string; readonly stopping: boolean }): Promise<void>;
  /**
   * Ends what dead gateways hold: their runs are due at once (found as lost, which counts), their device sessions are
   * over. A gateway is dead whose lifeline is cut and that has not beaten for `silenceMs`. One that is frozen, or out
   * of reach, or never had a lifeline is not: its leases end by time. Nor does a lifeline say anything after the store
   * itself restarted or failed over. After `until`, a time of the database in ms, nobody is judged: whatever held this
   * up may have kept the others silent. Answers the runs.
   */
  endDeadGateways(params: { readonly silenceMs: number; readonly until: number }): Promise<readonly string[]>;
  /** How many gateways have beaten within this time. */
  countLiveGateways(params: { readonly withinMs: number }): Promise<number>;
  /**
   * Mends what no event will: ends the sessions of gateways that have not beaten for `gatewayTimeoutMs`, wakes a queued
   * run of a thread whose turn has come. Answers runs that became due.
   */
  sweep(params: { readonly gatewayTimeoutMs: number }): Promise<readonly string[]>;
  /** Whose key this is, by the hash of its text; null for an unknown or revoked one. */
  findApiKey(params: { readonly keyHash: string }): Promise<ApiKeyOwner | null>;
  /**
   * Makes a tenant (if it is not there) and a key in it, for the dev key and the operator's. Repeating it with the same
   * hash changes nothing.
   */
  ensureApiKey(params: {
    readonly tenantName: string;
    readonly name: string;
    readonly keyHash: string;
    readonly scopes: readonly Scope[];
  }): Promise<ApiKeyOwner>;
}

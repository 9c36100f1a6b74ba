import type { AgentConfig, DueRun, FleetGateway, GatewayReport, Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { DispatchStatus, KnownAgent, KnownDevice } from "../core/input.ts";
import type { CallProjection, RunProjection } from "../core/projection.ts";
import type { ClaimedRun, Inbox } from "./claimed-run.ts";
import type { Commit, CommitOutcome } from "./commit.ts";
import type { FleetFiles } from "./fleet-files.ts";
import type { FleetKeys } from "./fleet-keys.ts";
import type { FleetTenants } from "./fleet-tenants.ts";
import type { Generation, StoreSigns } from "./generation.ts";
import type { CallCandidate, OpenCallsOfSession } from "./open-call.ts";
import type { Places } from "./share-places.ts";
import type { TenantId } from "../core/tenant-id.ts";

export type { CallProjection, RunProjection } from "../core/projection.ts";
export type { Commit, CommitOutcome } from "./commit.ts";
export type { ClaimedRun, Inbox, PendingInput } from "./claimed-run.ts";
export type { CallCandidate, OpenCall, OpenCallsOfSession } from "./open-call.ts";
export type { Recipient } from "../core/recipient.ts";

/** How the gateways stand. Runs are those of all tenants. */
export interface FleetState {
  readonly now: number;
  readonly queuedRuns: number;
  readonly activeRuns: number;
  readonly dueRuns: number;
  readonly recoveringRuns: number;
  readonly oldestDue: readonly DueRun[];
  readonly gateways: readonly FleetGateway[];
}

/** What comes with a heartbeat. */
export interface HeartbeatAnswer extends StoreSigns {
  /** The number of the last revocation (`fleet-keys.ts`). */
  readonly lastRevocation: number;
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
  /** The first facts, in order, as many as have `LOADED_FACTS_BYTES_MAX` bytes at most. None if the first has more. */
  readonly facts: readonly EventRecord[];
  /** The position of the last event in the store. It is the `prev` of the next fact. */
  readonly lastPosition: Position;
  /**
   * The ended runs of the thread before this one, oldest first, after those from which the thread goes on. They are the
   * newest `THREAD_HISTORY_RUNS_MAX`. Runs that were merged are not among them.
   */
  readonly earlierRunIds: readonly string[];
  readonly inbox: Inbox;
  readonly dispatchContext: DispatchContext;
}

/** The facts of an earlier run, in order; null: they are too many bytes to be read. */
export interface LoadedFacts {
  readonly runId: string;
  readonly facts: readonly EventRecord[] | null;
}

/**
 * A run that kept killing its gateways, as its row and its open calls tell it. Its events are not read: one of them may
 * be what kills.
 */
export interface RunOutline {
  /** The run that started it, and the call that it answers; null: a client did. */
  readonly parent: { readonly runId: string; readonly callId: string } | null;
  /** Claims since its last progress that found a lost lease, less those that were forgiven. */
  readonly recoveries: number;
  readonly run: RunProjection;
  /** How many inputs wait. The end of the run consumes them unread. */
  readonly inboxCount: number;
  readonly openCalls: readonly CallProjection[];
}

/** What `proceed` needs to know of devices. */
export interface DispatchContext {
  /** The known devices that the run's config or origin names, by device key. */
  readonly devices: Readonly<Record<string, KnownDevice>>;
  /** One entry for each device call that is out, by call id. */
  readonly dispatches: Readonly<Record<string, DispatchStatus>>;
}

/**
 * The statements that serve all tenants (R10 lists them by name). Each method may be repeated when its outcome is
 * unknown. Times are in ms.
 */
export interface FleetStore extends FleetFiles, FleetKeys, FleetTenants {
  /**
   * Takes up to `limit` runs that are due, gives each a lease of `leaseDurationMs`, and raises its epoch.
   *
   * 1. A run that another claim is taking is skipped.
   * 2. Tenants take turns, and share the gateway's `places` (`share-places.ts`). Of one tenant, runs that have begun go
   *    before new ones. A run on a thread waits for the run before it, unless a cancel waits for it.
   * 3. A run whose lease has ended is taken only until `judgesUntil`, a time of the database. The same holds for a run
   *    with an overdue call and an empty inbox. A claim that was held up on its way cannot know whether the holder, or
   *    the result, was cut off by the same cause. With null no such run is taken.
   * 4. `claimNumber` is given to no other claim of this gateway. `releaseClaims` finds by it what a claim took whose
   *    answer was lost.
   * 5. At most `lastChancesMax` of the runs taken are on their last chance (their `recoveries` become
   *    `RECOVERIES_MAX`). The others of that kind stay due. Tenants take turns for these too. They go before all other
   *    runs, whatever their tenants hold.
   * 6. A claim that leaves a run with more `recoveries` than `RECOVERIES_MAX` reprieves it. Its holder loads nothing of
   *    it, so it does not count if that lease is lost.
   *
   * Returns the runs and the time of the database. `nextWakeInMs`: when the next run that has begun is due, or 0 when a
   * due run was left for want of room; null: none. `isAnyWithheld`: whether due runs must wait until their tenants hold
   * less, or more places are free.
   */
  claimRuns(params: {
    readonly gatewayId: string;
    readonly claimNumber: number;
    readonly leaseDurationMs: number;
    readonly limit: number;
    readonly places: Places;
    readonly judgesUntil: number | null;
    readonly lastChancesMax: number;
  }): Promise<{
    readonly now: number;
    readonly runs: readonly ClaimedRun[];
    readonly nextWakeInMs: number | null;
    readonly isAnyWithheld: boolean;
  }>;
  /** Returns what a holder needs; null when the epoch is no longer current. */
  loadRun(params: {
    readonly tenantId: TenantId;
    readonly runId: string;
    readonly epoch: number;
  }): Promise<LoadedRun | null>;
  /** Returns what is needed to give a run up, without loading its events; null when the epoch is no longer current. */
  loadOutline(params: {
    readonly tenantId: TenantId;
    readonly runId: string;
    readonly epoch: number;
  }): Promise<RunOutline | null>;
  /**
   * Returns the facts of a run after a seq, in order. A page ends at `EVENTS_PAGE_MAX` facts, or at
   * `EVENTS_PAGE_BYTES_MAX` after at least one.
   */
  readFacts(params: {
    readonly tenantId: TenantId;
    readonly runId: string;
    readonly afterSeq: number;
  }): Promise<readonly EventRecord[]>;
  /**
   * Returns the facts of the first of these runs, for transcripts. It ends with the run by which they have
   * `HISTORY_READ_BYTES_MAX` bytes. The facts of a run that has more than `bytesMax` are null. A run that is
   * missing has none.
   */
  loadHistory(params: {
    readonly tenantId: TenantId;
    readonly runIds: readonly string[];
    readonly bytesMax: number;
  }): Promise<readonly LoadedFacts[]>;
  /** Returns what a child of each of these agents of the tenant would be now. A name that none has is left out. */
  readAgents(params: {
    readonly tenantId: TenantId;
    readonly names: readonly string[];
  }): Promise<Readonly<Record<string, KnownAgent>>>;
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
   * Writes deltas of many runs, in order, and waits for no run's row. A row of a stale epoch, above the run's last
   * fact, or that is stored already, is skipped and is no error for the others.
   */
  appendDeltas(params: {
    readonly rows: readonly {
      readonly tenantId: TenantId;
      readonly runId: string;
      readonly epoch: number;
      readonly record: EventRecord;
    }[];
  }): Promise<void>;
  /** Returns the last seq of each of these runs. */
  readTails(params: { readonly runIds: readonly string[] }): Promise<ReadonlyMap<string, number>>;
  /** Returns the newest run of each of these threads; null: it has none. A thread that is gone is left out. */
  readNewestRuns(params: { readonly threadIds: readonly string[] }): Promise<ReadonlyMap<string, string | null>>;
  /** Returns for each session whether it is still the device's own, and the calls that are open for its device. */
  readOpenCalls(params: { readonly sessionIds: readonly string[] }): Promise<readonly OpenCallsOfSession[]>;
  /**
   * Returns who could take each of these calls: the connected devices that fit and have room. They come call by call,
   * `CANDIDATES_PER_CALL_MAX` of each, those with the fewest in hand first. A call that was sent has none.
   */
  readCandidates(params: { readonly callIds: readonly string[] }): Promise<readonly CallCandidate[]>;
  /**
   * Records that this gateway lives; the first heartbeat registers it. Where the store can tell that a process is gone,
   * the heartbeat also ties the gateway to its process by a lifeline. The lifeline is cut when the process dies. A
   * gateway that only lost its connection ties it again by its next heartbeat. Returns what a gateway must hear of
   * soon, so that it need not ask for it.
   */
  recordHeartbeat(params: { readonly gatewayId: string; readonly stopping: boolean }): Promise<HeartbeatAnswer>;
  /**
   * Judges the server as it is now, and returns the generation that holds from then on.
   *
   * 1. A new one begins if `wentBack` is said of the present generation (`expected`). It also begins if a server that
   *    was not judged yet has other data than the one before. Another timeline alone proves no loss (`wasReplaced`).
   * 2. `claimRuns` takes nothing on a server that has started and was not judged since. So a generation that begins
   *    with the first judgement keeps what all runs have. Positions up to a run's `keptSeq` mean the same in it.
   * 3. A generation that begins later keeps nothing.
   */
  judgeServer(params: { readonly expected: string; readonly wentBack: boolean }): Promise<Generation>;
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
  /** Keeps what a gateway says of itself. One that has sent no heartbeat yet is left out. */
  reportGateway(params: { readonly gatewayId: string; readonly report: GatewayReport }): Promise<void>;
  /** Returns how the gateways stand, the newest first, and what is due, the oldest `DUE_RUNS_SHOWN` of it. */
  readFleet(): Promise<FleetState>;
  /** Returns how many gateways have sent a heartbeat within this time. */
  countLiveGateways(params: { readonly withinMs: number }): Promise<number>;
  /**
   * Mends what no event will mend. It ends the sessions of gateways without a heartbeat for `gatewayTimeoutMs`. It
   * forgets gateways after `GATEWAY_KEPT_MS`, and deleted devices after `DELETED_DEVICE_KEPT_MS`. It forgets
   * revocations and revoked keys when nothing needs them. It removes deleted threads with their runs once they have all
   * ended, after `DELETED_THREAD_KEPT_MS`, unless a thread goes on from them. It wakes queued runs whose turn in their
   * thread has come. It adds up what changed in the usage of tenants. That keeps `readUsage` quick, and changes nothing
   * that it returns. Returns the runs that became due.
   */
  sweep(params: { readonly gatewayTimeoutMs: number }): Promise<readonly string[]>;
}

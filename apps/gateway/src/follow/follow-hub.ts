import {
  comparePositions,
  isTerminalStatus,
  parsePosition,
  type Position,
  type RunStatus,
  START,
} from "@hsafa/protocol";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { EventRecord } from "../core/event-record.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { LiveLog } from "../ports/live-log.ts";
import type { LocalFeed } from "../ports/local-feed.ts";
import type { Log } from "../ports/log.ts";
import type { TenantStore } from "../ports/tenant-store.ts";
import { Semaphore } from "../runtime/semaphore.ts";
import { RING_BOUNDS, type RingBounds, type RingsBudget } from "./event-ring.ts";
import { FeedTurns } from "./feed-turns.ts";
import { FOLLOW_PAGES_MAX, WATCHERS_MAX, WATCHERS_PER_RUN_MAX } from "./limits.ts";
import { LingeringFollowers } from "./lingering-followers.ts";
import { RunFollower } from "./run-follower.ts";
import type { Sink, WatcherHandle } from "./sink.ts";
import { TailComparison } from "./tail-comparison.ts";

export type FollowOutcome =
  /** `watch` begins; call it when the sink may be written to, once. */
  | { readonly kind: "following"; readonly watch: (sink: Sink) => WatcherHandle }
  /** The run has ended and the position is its last: nothing will ever follow. */
  | { readonly kind: "at_end" }
  /** `not_found`, `invalid_position`, `too_many_requests`, or `unavailable`: this gateway is going away. */
  | Refusal;

/** What the hub needs. */
export interface FollowHubDeps {
  readonly store: {
    forTenant(tenantId: string): Pick<TenantStore, "readTail" | "readEvents">;
    readonly fleet: Pick<FleetStore, "readTails">;
  };
  readonly liveLog: Pick<LiveLog, "read" | "subscribe" | "check">;
  readonly clock: Clock;
  readonly log: Log;
  /** Instead of `RING_BOUNDS`. */
  readonly ringBounds?: RingBounds;
}

/** The watcher of a sink that was closed before it began. */
const NOBODY: WatcherHandle = { drained() {}, progressed() {}, close() {} };

/** What the store says of a run when it is asked for. */
interface Tail {
  readonly status: RunStatus;
  readonly lastSeq: number;
}

/**
 * Lets any number of watchers follow runs, each run followed once. It is also how the engine tells this gateway's own
 * watchers.
 */
export class FollowHub implements LocalFeed {
  readonly #deps: FollowHubDeps;
  readonly #followers = new Map<string, RunFollower>();
  readonly #lingering: LingeringFollowers;
  readonly #comparison: TailComparison;
  readonly #rings: RingsBudget;
  readonly #pages = new Semaphore(FOLLOW_PAGES_MAX);
  readonly #turns: FeedTurns;
  #watchers = 0;
  #isClosed = false;

  constructor(deps: FollowHubDeps) {
    const { store, liveLog, clock, log } = deps;
    this.#deps = deps;
    this.#turns = new FeedTurns(clock);
    this.#rings = { bounds: deps.ringBounds ?? RING_BOUNDS, bytes: 0 };
    this.#lingering = new LingeringFollowers(clock, (follower) => this.#letGo(follower));
    this.#comparison = new TailComparison({
      fleet: store.fleet,
      liveLog,
      clock,
      log,
      followers: () => this.#followers.values(),
    });
  }

  /**
   * Says how a watcher of this tenant may follow a run after a position (as it travels; undefined: from the first
   * event). Rejects only with `StoreUnavailable`.
   */
  async follow(params: {
    readonly tenantId: string;
    readonly runId: string;
    readonly after: string | undefined;
  }): Promise<FollowOutcome> {
    const { tenantId, runId, after } = params;
    const position = after === undefined ? START : parsePosition(after);
    if (position === null) {
      return refuse("invalid_position", "A position is '<seq>-<sub>', as in the id of an event.");
    }
    const tail = await this.#deps.store.forTenant(tenantId).readTail({ runId });
    if (tail === null) return notFound("run");
    if (position.seq > tail.lastSeq) {
      const detail = `The run's last fact is ${tail.lastSeq}-0: nothing after it can have been seen.`;
      return refuse("invalid_position", detail);
    }
    if (isTerminalStatus(tail.status) && comparePositions(position, { seq: tail.lastSeq, sub: 0 }) >= 0) {
      return { kind: "at_end" };
    }
    const refusal = this.#refusal(tenantId, runId);
    if (refusal !== null) return refusal;
    return { kind: "following", watch: (sink) => this.#watch({ runId, tenantId, tail, position, sink }) };
  }

  published(runId: string, records: readonly EventRecord[]): void {
    this.#followers.get(runId)?.offer(records);
  }

  stored(runId: string, upTo: Position): void {
    this.#followers.get(runId)?.stored(upTo);
  }

  /** For metrics: watchers, runs followed, and bytes of events kept for them. */
  counts(): { readonly watchers: number; readonly followedRuns: number; readonly bufferedBytes: number } {
    return { watchers: this.#watchers, followedRuns: this.#followers.size, bufferedBytes: this.#rings.bytes };
  }

  /** Ends every watcher as `going_away`, and takes no new ones. */
  close(): void {
    this.#isClosed = true;
    void this.#comparison.stop();
    for (const follower of this.#followers.values()) this.#letGo(follower);
  }

  /** Why a run that exists cannot be followed here now, or null. */
  #refusal(tenantId: string, runId: string): Refusal | null {
    if (this.#isClosed) return refuse("unavailable", "This gateway is going away; connect again.");
    const follower = this.#followers.get(runId);
    // R10: ids are unique over all tenants, so this cannot happen. If it does, nothing is shown.
    if (follower !== undefined && follower.tenantId !== tenantId) return notFound("run");
    if (this.#watchers >= WATCHERS_MAX) {
      return refuse("too_many_requests", "This gateway has as many watchers as it takes; try again later.");
    }
    if (follower !== undefined && follower.watcherCount >= WATCHERS_PER_RUN_MAX) {
      return refuse("too_many_requests", "The run has as many watchers here as it may have; try again later.");
    }
    return null;
  }

  #watch(params: {
    readonly runId: string;
    readonly tenantId: string;
    readonly tail: Tail;
    readonly position: Position;
    readonly sink: Sink;
  }): WatcherHandle {
    const { runId, tail } = params;
    if (this.#isClosed) {
      params.sink.close("going_away");
      return NOBODY;
    }
    const follower = this.#followers.get(runId) ?? this.#begin(runId, params.tenantId, tail);
    this.#lingering.keep(follower);
    follower.tailIs(tail.lastSeq);
    this.#watchers += 1;
    return follower.watch(params.position, params.sink);
  }

  #begin(runId: string, tenantId: string, tail: Tail): RunFollower {
    const { store, liveLog, clock, log } = this.#deps;
    const follower = new RunFollower({
      tenantId,
      runId,
      tail: { lastSeq: tail.lastSeq, hasEnded: isTerminalStatus(tail.status) },
      store: store.forTenant(tenantId),
      liveLog,
      isLiveLogAway: () => this.#comparison.isLiveLogAway,
      clock,
      log,
      rings: this.#rings,
      pages: this.#pages,
      turns: this.#turns,
      onLeft: (left) => this.#onLeft(left),
    });
    this.#followers.set(runId, follower);
    this.#comparison.began();
    void follower.start();
    return follower;
  }

  #onLeft(follower: RunFollower): void {
    this.#watchers -= 1;
    if (follower.watcherCount > 0 || this.#followers.get(follower.runId) !== follower) return;
    if (follower.isLive) this.#lingering.add(follower);
    else this.#letGo(follower);
  }

  #letGo(follower: RunFollower): void {
    this.#lingering.keep(follower);
    if (this.#followers.get(follower.runId) === follower) this.#followers.delete(follower.runId);
    follower.close();
  }
}

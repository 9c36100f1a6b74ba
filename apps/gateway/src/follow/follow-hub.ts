import { comparePositions, isTerminalStatus, parsePlace, type Place, type Position, START } from "@hsafa/protocol";
import { Places } from "../access/places.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { EventRecord } from "../core/event-record.ts";
import { resumePlace } from "../core/resume-place.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { LiveLog, TenantLiveLog } from "../ports/live-log.ts";
import type { LocalFeed } from "../ports/local-feed.ts";
import type { Log } from "../ports/log.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { RunTail, TenantStore } from "../ports/tenant-store.ts";
import type { StoreGeneration } from "../runtime/store-generation.ts";
import { Semaphore } from "../runtime/semaphore.ts";
import { EventBatch } from "./event-batch.ts";
import { RING_BOUNDS, type RingBounds, type RingsBudget } from "./event-ring.ts";
import { FeedTurns } from "./feed-turns.ts";
import { FollowedEvent } from "./followed-event.ts";
import {
  FOLLOW_GENERATIONS_MAX,
  FOLLOW_LOOK_AFTER_MS,
  FOLLOW_PAGES_MAX,
  SUB_MAX,
  WATCHERS_MAX,
  WATCHERS_PER_RUN_MAX,
} from "./limits.ts";
import { LingeringFollowers } from "./lingering-followers.ts";
import { RunFollower } from "./run-follower.ts";
import type { Sink, WatcherHandle } from "./sink.ts";
import { TailComparison } from "./tail-comparison.ts";
import { type YoungRun, YoungRuns } from "./young-runs.ts";
import type { TenantId } from "../core/tenant-id.ts";

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
    forTenant(tenantId: TenantId): Pick<TenantStore, "readTail" | "readEvents">;
    readonly fleet: Pick<FleetStore, "readTails">;
  };
  readonly generation: Pick<StoreGeneration, "present" | "wentBack" | "report" | "catchUp">;
  readonly liveLog: Pick<LiveLog, "check"> & {
    forTenant(tenantId: TenantId): Pick<TenantLiveLog, "read" | "subscribe">;
  };
  readonly clock: Clock;
  readonly log: Log;
  /** Instead of `RING_BOUNDS`. */
  readonly ringBounds?: RingBounds;
  /** Instead of `WATCHERS_MAX`. */
  readonly watchersMax?: number;
}

/** The place of a client that has seen nothing. */
const FROM_START: Place = { position: START, generation: "" };

/** Where a follower begins that is given the first events. */
const NOTHING_YET = { lastSeq: 0, hasEnded: false } as const;

/** The watcher of a sink that was closed before it began. */
const NOBODY: WatcherHandle = { drained() {}, progressed() {}, close() {} };

/**
 * Lets any number of watchers follow runs, each run followed once. It is also how the engine tells this gateway's own
 * watchers.
 */
export class FollowHub implements LocalFeed {
  readonly #deps: FollowHubDeps;
  readonly #followers = new Map<string, RunFollower>();
  readonly #lingering: LingeringFollowers;
  readonly #comparison: TailComparison;
  readonly #young: YoungRuns;
  readonly #rings: RingsBudget;
  readonly #pages = new Semaphore(FOLLOW_PAGES_MAX);
  readonly #turns: FeedTurns;
  readonly #places: Places;
  /** Of followed runs whose tail is read in a moment: how to cancel that. */
  readonly #looks = new Map<string, () => void>();
  #isClosed = false;

  constructor(deps: FollowHubDeps) {
    const { store, liveLog, clock, log } = deps;
    this.#deps = deps;
    this.#turns = new FeedTurns(clock);
    this.#young = new YoungRuns(clock);
    this.#places = new Places({ placesMax: deps.watchersMax ?? WATCHERS_MAX, what: "watchers" });
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
   * Says how a watcher of this principal's tenant may follow a run after a position (as it travels; undefined: from the
   * first event). Whether the principal sees the run was asked before. Rejects only with `StoreUnavailable`.
   */
  async follow(params: {
    readonly principal: Principal;
    readonly runId: string;
    readonly after: string | undefined;
  }): Promise<FollowOutcome> {
    const { principal, runId, after } = params;
    const { tenantId } = principal;
    const place = after === undefined ? FROM_START : parsePlace(after);
    if (place === null) {
      return refuse("invalid_position", "A position is '<seq>-<sub>', as in the id of an event.");
    }
    for (let tries = 0; tries < FOLLOW_GENERATIONS_MAX; tries++) {
      const known = this.#known(tenantId, runId, place);
      const read = known ?? (await this.#readTail(tenantId, runId));
      if (read === "another_generation") continue;
      if (read === null) return notFound("run");
      const { tail } = read;
      const young = known?.young ?? null;
      const resumption = resumePlace(place, tail);
      if (resumption.kind !== "resume" && (await this.#hasLost(tenantId, runId, tail))) continue;
      if (resumption.kind === "beyond") {
        const detail = `The run's last fact is ${tail.lastSeq}-0: nothing after it can have been seen.`;
        return refuse("invalid_position", detail);
      }
      const position = resumption.kind === "resume" ? resumption.after : START;
      if (isTerminalStatus(tail.status) && comparePositions(position, { seq: tail.lastSeq, sub: 0 }) >= 0) {
        return { kind: "at_end" };
      }
      const refusal = this.#refusal(principal, runId);
      if (refusal !== null) return refusal;
      const lostPlace = resumption.kind === "rewind" ? (after ?? null) : null;
      const how = { runId, principal, tail, young, position, lostPlace };
      return { kind: "following", watch: (sink) => this.#watch({ ...how, sink }) };
    }
    return refuse("unavailable", "The store is in another generation again and again; try again.");
  }

  born({ generation, facts, ...run }: Parameters<LocalFeed["born"]>[0]): void {
    // What was written to a history that is lost is shown to nobody.
    if (generation === this.#deps.generation.present.tag) this.#young.born({ ...run, generation, records: facts });
  }

  left(runId: string): void {
    this.#young.left(runId);
  }

  published(runId: string, records: readonly EventRecord[]): void {
    this.#young.published(runId, records);
    this.#followers.get(runId)?.offer(records);
  }

  stored(runId: string, upTo: Position): void {
    this.#young.forget(runId);
    this.#followers.get(runId)?.stored(upTo);
  }

  /** The gateway works in another generation: nothing that was followed before is shown to anybody. */
  enter(): void {
    this.#young.clear();
    for (const follower of this.#followers.values()) this.#letGo(follower, "generation_changed");
  }

  /** For metrics: watchers, runs followed, and bytes of events kept for them. */
  counts(): { readonly watchers: number; readonly followedRuns: number; readonly bufferedBytes: number } {
    return { watchers: this.#places.taken, followedRuns: this.#followers.size, bufferedBytes: this.#rings.bytes };
  }

  /** Ends every watcher as `going_away`, and takes no new ones. */
  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#looks.values()) cancel();
    this.#looks.clear();
    void this.#comparison.stop();
    for (const follower of this.#followers.values()) this.#letGo(follower, "going_away");
  }

  /**
   * Where a run stands, as far as a reader at this place may go by what this gateway knows; null: the store must be
   * asked. What a live follower has shown, and what was born here, was committed in this generation.
   */
  #known(
    tenantId: TenantId,
    runId: string,
    { position, generation }: Place,
  ): { readonly tail: RunTail; readonly young: YoungRun | null } | null {
    const { present } = this.#deps.generation;
    const isNew = position.seq === 0;
    if (!isNew && generation !== present.tag) return null;
    const follower = this.#followers.get(runId);
    const young =
      follower === undefined ? this.#young.find({ tenantId, runId, generation: present.tag }, position) : null;
    const isFollowed = follower?.tenantId === tenantId && follower.isLive && !this.#comparison.isLiveLogAway;
    const shown = isFollowed && !isNew ? follower.head : young?.records.at(-1);
    if (shown === undefined || comparePositions(position, shown) > 0) return null;
    // A store that has gone back is noticed a moment later than if it had been asked before.
    if (young === null) this.#lookSoon(tenantId, runId);
    // A young run may have ended. Its follower begins with the first event, and so comes to its end.
    return { tail: { status: "running", lastSeq: shown.seq, keptSeq: null, generation: present }, young };
  }

  /** One look serves all readers of a run that come at once, and none of them waits for it. */
  #lookSoon(tenantId: TenantId, runId: string): void {
    if (this.#looks.has(runId) || this.#isClosed) return;
    const look = (): void => {
      this.#looks.delete(runId);
      this.#readTail(tenantId, runId).catch((error: unknown) => this.#failedToRead(error, tenantId, runId));
    };
    this.#looks.set(runId, this.#deps.clock.after(FOLLOW_LOOK_AFTER_MS, look));
  }

  /** A store that is away is asked again by the comparison of tails. */
  #failedToRead(error: unknown, tenantId: TenantId, runId: string): void {
    if (error instanceof StoreUnavailable) return;
    this.#deps.log.error({ err: error, tenantId, runId }, "could not read where a run stands");
  }

  /**
   * Reads where a run stands. `another_generation`: the gateway works in another one by now, so ask again. Null: there
   * is no such run.
   */
  async #readTail(
    tenantId: TenantId,
    runId: string,
  ): Promise<{ readonly tail: RunTail } | "another_generation" | null> {
    const { store, generation } = this.#deps;
    const { tag } = generation.present;
    const shownSeq = this.#followers.get(runId)?.headSeq ?? 0;
    const tail = await store.forTenant(tenantId).readTail({ runId });
    if (tail !== null && tail.generation.tag !== generation.present.tag) {
      await generation.catchUp();
      return "another_generation";
    }
    // What was shown of a run was committed before.
    if ((tail?.lastSeq ?? 0) < shownSeq && this.#followers.get(runId)?.tenantId === tenantId) {
      await generation.wentBack(tag, "a run lacks facts that its watchers were shown");
      return "another_generation";
    }
    return tail === null ? null : { tail };
  }

  /**
   * Whether the live log shows that the run had come further. If so, the gateway works in another generation by now.
   */
  async #hasLost(tenantId: TenantId, runId: string, { lastSeq, generation: { tag } }: RunTail): Promise<boolean> {
    const { store, liveLog, generation } = this.#deps;
    const after = { seq: lastSeq, sub: SUB_MAX };
    const [record] = await liveLog.forTenant(tenantId).read({ runId, after, limit: 1 });
    if (record === undefined) return false;
    const tail = await store.forTenant(tenantId).readTail({ runId });
    if (tail !== null && tail.lastSeq >= record.seq) return false;
    await generation.wentBack(tag, "the live log holds facts of a run that the store lacks");
    return true;
  }

  /** Why a run that exists cannot be followed here now, or null. */
  #refusal(principal: Principal, runId: string): Refusal | null {
    if (this.#isClosed) return refuse("unavailable", "This gateway is going away; connect again.");
    const follower = this.#followers.get(runId);
    // R10: ids are unique over all tenants, so this cannot happen. If it does, nothing is shown.
    if (follower !== undefined && follower.tenantId !== principal.tenantId) return notFound("run");
    const noPlace = this.#places.refusal(principal);
    if (noPlace !== null) return noPlace;
    if (follower !== undefined && follower.watcherCount >= WATCHERS_PER_RUN_MAX) {
      return refuse("too_many_requests", "The run has as many watchers here as it may have; try again later.");
    }
    return null;
  }

  #watch(params: {
    readonly runId: string;
    readonly principal: Principal;
    readonly tail: RunTail;
    /** What it is followed from, if nobody follows it yet. */
    readonly young: YoungRun | null;
    readonly position: Position;
    /** The position that the client has, if it is of a lost history. */
    readonly lostPlace: string | null;
    readonly sink: Sink;
  }): WatcherHandle {
    const { runId, principal, tail, young, lostPlace, sink } = params;
    const { tag } = tail.generation;
    const hasChanged = tag !== this.#deps.generation.present.tag;
    if (this.#isClosed || hasChanged) {
      sink.close(hasChanged ? "generation_changed" : "going_away");
      return NOBODY;
    }
    if (lostPlace !== null) {
      const ts = new Date(this.#deps.clock.now()).toISOString();
      const event = FollowedEvent.rewound({ runId, type: "stream.rewound", ts, data: { after: lostPlace } });
      sink.write(new EventBatch([event]).in(sink.format), 0);
    }
    const follower = this.#followers.get(runId) ?? this.#begin(runId, principal.tenantId, tail, young);
    this.#lingering.keep(follower);
    follower.tailIs(tail.lastSeq, 0);
    const leave = this.#places.enter(principal);
    return follower.watch(params.position, sink, () => {
      leave();
      this.#onLeft(follower);
    });
  }

  #begin(runId: string, tenantId: TenantId, tail: RunTail, young: YoungRun | null): RunFollower {
    const { store, generation, liveLog, clock, log } = this.#deps;
    const { tag } = tail.generation;
    const isWhole = young?.isWhole === true;
    const follower = new RunFollower({
      tenantId,
      runId,
      generation: tag,
      tail: young === null ? { lastSeq: tail.lastSeq, hasEnded: isTerminalStatus(tail.status) } : NOTHING_YET,
      isToldOfAll: () => isWhole && this.#young.isHeld(runId),
      store: store.forTenant(tenantId),
      liveLog: liveLog.forTenant(tenantId),
      isLiveLogAway: () => this.#comparison.isLiveLogAway,
      clock,
      log,
      rings: this.#rings,
      pages: this.#pages,
      turns: this.#turns,
      onStoreBehind: () => generation.report(tag, "a run lacks facts that its watchers were shown"),
    });
    this.#followers.set(runId, follower);
    this.#comparison.began();
    this.#young.forget(runId);
    if (young !== null) follower.offer(young.records);
    void follower.start();
    return follower;
  }

  #onLeft(follower: RunFollower): void {
    if (follower.watcherCount > 0 || this.#followers.get(follower.runId) !== follower) return;
    if (follower.isLive) this.#lingering.add(follower);
    else this.#letGo(follower);
  }

  #letGo(follower: RunFollower, why: "going_away" | "generation_changed" = "going_away"): void {
    this.#lingering.keep(follower);
    if (this.#followers.get(follower.runId) === follower) this.#followers.delete(follower.runId);
    follower.close(why);
  }
}

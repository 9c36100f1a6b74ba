import {
  comparePositions,
  isTerminalStatus,
  parsePosition,
  type Position,
  type RunStatus,
  START,
} from "@hsafa/protocol";
import {
  FOLLOW_COMPARE_INTERVAL_MS,
  FOLLOW_COMPARE_RUNS_MAX,
  FOLLOW_LINGER_MS,
  FOLLOW_LINGERING_MAX,
  FOLLOW_PAGES_MAX,
  FOLLOW_POLL_INTERVAL_MS,
  FOLLOW_POLL_RUNS_MAX,
  WATCHERS_MAX,
  WATCHERS_PER_RUN_MAX,
} from "./limits.ts";
import type { LocalFeed } from "../ports/local-feed.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { LiveLog } from "../ports/live-log.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { TenantStore } from "../ports/tenant-store.ts";
import { RING_BOUNDS, type RingBounds, type RingsBudget } from "./event-ring.ts";
import { createRunFollower, type RunFollower } from "./run-follower.ts";
import { Semaphore } from "../runtime/semaphore.ts";
import type { Sink, WatcherHandle } from "./watcher.ts";

export type FollowOutcome =
  /** `watch` begins; call it when the sink may be written to, once. */
  | { readonly kind: "following"; readonly watch: (sink: Sink) => WatcherHandle }
  /** The run has ended and the position is its last: nothing will ever follow. */
  | { readonly kind: "at_end" }
  | { readonly kind: "not_found" }
  /** `reason` may be shown to whoever asked. */
  | { readonly kind: "invalid_position"; readonly reason: string }
  | { readonly kind: "too_many_watchers"; readonly reason: string }
  /** This gateway is going away. */
  | { readonly kind: "closing" };

/**
 * Lets any number of watchers follow runs, each run followed once. It is also how the engine tells this gateway's own
 * watchers.
 */
export interface FollowHub extends LocalFeed {
  /**
   * Says how a watcher of this tenant may follow a run after a position (as it travels; undefined: from the first
   * event). Rejects only with `StoreUnavailable`.
   */
  follow(params: {
    readonly tenantId: string;
    readonly runId: string;
    readonly after: string | undefined;
  }): Promise<FollowOutcome>;
  counts(): { readonly watchers: number; readonly followedRuns: number; readonly bufferedBytes: number };
  /** Ends every watcher as `going_away`. */
  close(): void;
}

export function createFollowHub(deps: {
  readonly store: {
    forTenant(tenantId: string): Pick<TenantStore, "readTail" | "readEvents">;
    readonly fleet: Pick<FleetStore, "readTails">;
  };
  readonly liveLog: Pick<LiveLog, "read" | "subscribe" | "check">;
  readonly clock: Clock;
  /** Instead of the usual ones. */
  readonly ringBounds?: RingBounds;
  /** Hears what should not happen. */
  readonly report: (error: unknown) => void;
}): FollowHub {
  const { store, liveLog, clock, report } = deps;
  const followers = new Map<string, RunFollower>();
  /** Followers without watchers, the one that was left first in front, and how to keep each from being let go. */
  const lingering = new Map<RunFollower, () => void>();
  const rings: RingsBudget = { bounds: deps.ringBounds ?? RING_BOUNDS, bytes: 0 };
  const pages = new Semaphore(FOLLOW_PAGES_MAX);
  let watchers = 0;
  let isClosed = false;
  let isLiveLogAway = false;
  let isChecking = false;
  let isComparing = false;
  let comparedAt = clock.monotonic();
  let stopTicking: (() => void) | null = null;

  function watch(runId: string, tenantId: string, tail: Tail, after: Position, sink: Sink): WatcherHandle {
    const follower = followers.get(runId) ?? begin(runId, tenantId, tail);
    lingering.get(follower)?.();
    lingering.delete(follower);
    follower.tailIs(tail.lastSeq);
    watchers += 1;
    return follower.watch(after, sink);
  }

  function begin(runId: string, tenantId: string, tail: Tail): RunFollower {
    const follower = createRunFollower({
      tenantId,
      runId,
      tail: { lastSeq: tail.lastSeq, hasEnded: isTerminalStatus(tail.status) },
      store: store.forTenant(tenantId),
      liveLog,
      isLiveLogAway: () => isLiveLogAway,
      clock,
      rings,
      pages,
      report,
      onLeft,
    });
    followers.set(runId, follower);
    stopTicking ??= clock.after(FOLLOW_POLL_INTERVAL_MS, tick);
    return follower;
  }

  function onLeft(follower: RunFollower): void {
    watchers -= 1;
    if (follower.watcherCount() > 0 || followers.get(follower.runId) !== follower) return;
    if (follower.isLive()) letGoLater(follower);
    else letGo(follower);
  }

  /** An EventSource that was cut comes back within seconds: until then the run stays followed. */
  function letGoLater(follower: RunFollower): void {
    lingering.set(
      follower,
      clock.after(FOLLOW_LINGER_MS, () => letGo(follower)),
    );
    const [first] = lingering.keys();
    if (lingering.size > FOLLOW_LINGERING_MAX && first !== undefined) letGo(first);
  }

  function letGo(follower: RunFollower): void {
    lingering.get(follower)?.();
    lingering.delete(follower);
    if (followers.get(follower.runId) === follower) followers.delete(follower.runId);
    follower.close();
  }

  function tick(): void {
    const live = [...followers.values()].filter((follower) => follower.isLive());
    stopTicking = null;
    if (isClosed || followers.size === 0) return;
    stopTicking = clock.after(FOLLOW_POLL_INTERVAL_MS, tick);
    if (live.length === 0) return;
    if (!isChecking) void checkLiveLog();
    const now = clock.monotonic();
    if (!isComparing && (isLiveLogAway || now - comparedAt >= FOLLOW_COMPARE_INTERVAL_MS)) {
      comparedAt = now;
      void compareTails(live);
    }
    if (isLiveLogAway) pollSome(live);
  }

  async function checkLiveLog(): Promise<void> {
    isChecking = true;
    isLiveLogAway = !(await liveLog.check().catch(() => false));
    isChecking = false;
  }

  /** A notification may be lost with nothing after it: the store knows how far each run has come. */
  async function compareTails(live: readonly RunFollower[]): Promise<void> {
    isComparing = true;
    try {
      for (let first = 0; first < live.length; first += FOLLOW_COMPARE_RUNS_MAX) {
        const some = live.slice(first, first + FOLLOW_COMPARE_RUNS_MAX);
        const tails = await store.fleet.readTails({ runIds: some.map((follower) => follower.runId) });
        for (const follower of some) follower.tailIs(tails.get(follower.runId) ?? 0);
      }
    } catch (error) {
      // The next comparison asks again.
      if (!(error instanceof StoreUnavailable)) report(error);
    } finally {
      isComparing = false;
    }
  }

  /**
   * Without the live log nothing tells of deltas that other gateways wrote. The runs polled move to the end of the map,
   * so that all get their turn.
   */
  function pollSome(live: readonly RunFollower[]): void {
    for (const follower of live.slice(0, FOLLOW_POLL_RUNS_MAX)) {
      followers.delete(follower.runId);
      followers.set(follower.runId, follower);
      follower.poll();
    }
  }

  return {
    async follow({ tenantId, runId, after }) {
      const position = after === undefined ? START : parsePosition(after);
      if (position === null) {
        return { kind: "invalid_position", reason: "A position is '<seq>-<sub>', as in the id of an event." };
      }
      const tail = await store.forTenant(tenantId).readTail({ runId });
      if (tail === null) return { kind: "not_found" };
      if (position.seq > tail.lastSeq) {
        const reason = `The run's last fact is ${tail.lastSeq}-0: nothing after it can have been seen.`;
        return { kind: "invalid_position", reason };
      }
      if (isTerminalStatus(tail.status) && comparePositions(position, { seq: tail.lastSeq, sub: 0 }) >= 0) {
        return { kind: "at_end" };
      }
      if (isClosed) return { kind: "closing" };
      const follower = followers.get(runId);
      // R10: ids are unique over all tenants, so this cannot happen; if it does, nothing is shown.
      if (follower !== undefined && follower.tenantId !== tenantId) return { kind: "not_found" };
      if (watchers >= WATCHERS_MAX) {
        return { kind: "too_many_watchers", reason: "This gateway has as many watchers as it takes; try again later." };
      }
      if ((follower?.watcherCount() ?? 0) >= WATCHERS_PER_RUN_MAX) {
        return {
          kind: "too_many_watchers",
          reason: "The run has as many watchers here as it may have; try again later.",
        };
      }
      return { kind: "following", watch: (sink) => watch(runId, tenantId, tail, position, sink) };
    },
    published(runId, records) {
      followers.get(runId)?.offer(records);
    },
    stored(runId, upTo) {
      followers.get(runId)?.stored(upTo);
    },
    counts: () => ({ watchers, followedRuns: followers.size, bufferedBytes: rings.bytes }),
    close() {
      isClosed = true;
      stopTicking?.();
      for (const follower of followers.values()) letGo(follower);
    },
  };
}

interface Tail {
  readonly status: RunStatus;
  readonly lastSeq: number;
}

import { comparePositions, type Position } from "@hsafa/protocol";
import { accept, acceptFromStore, type EventRecord, isTerminal } from "../core/event-record.ts";
import { EVENTS_PAGE_MAX } from "../ports/limits.ts";
import { FOLLOW_EARLY_CHARACTERS_MAX, FOLLOW_PAGE_RECORDS_MAX, RECORD_OVERHEAD_CHARACTERS } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { LiveLog, LiveMessage, Subscription } from "../ports/live-log.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { TenantStore } from "../ports/tenant-store.ts";
import { acceptedRecords } from "./accepted-records.ts";
import { batchesOf, EventBatch } from "./event-batch.ts";
import { retryDelayMs } from "./retry-delay.ts";
import { EventRing, type RingsBudget } from "./event-ring.ts";
import { FollowedEvent } from "./followed-event.ts";
import type { Semaphore } from "../runtime/semaphore.ts";
import { createWatcher, type Sink, type Watcher, type WatchedRun, type WatcherHandle } from "./watcher.ts";

/**
 * Follows one run for all of its watchers on this gateway. It admits the run's events in sequence from where the run
 * stood when it began, keeps the recent ones, and hands new ones to the watchers that stand at its head; what
 * lies before, a watcher reads by itself.
 */
export interface RunFollower {
  readonly tenantId: string;
  readonly runId: string;
  watch(after: Position, sink: Sink): WatcherHandle;
  watcherCount(): number;
  /** False once the terminal fact was admitted: nothing more will come. */
  isLive(): boolean;
  /** Records of the live log, from wherever they were heard. */
  offer(records: readonly EventRecord[]): void;
  /** The store holds everything up to here, and the live log may not. */
  stored(upTo: Position): void;
  /** The run's last fact in the store has this seq. */
  tailIs(lastSeq: number): void;
  /** While the live log is away: looks into the store if deltas may have come. */
  poll(): void;
  close(): void;
}

export function createRunFollower(params: {
  readonly tenantId: string;
  readonly runId: string;
  readonly tail: { readonly lastSeq: number; readonly hasEnded: boolean };
  readonly store: Pick<TenantStore, "readEvents">;
  readonly liveLog: Pick<LiveLog, "read" | "subscribe">;
  readonly isLiveLogAway: () => boolean;
  readonly clock: Clock;
  readonly rings: RingsBudget;
  readonly pages: Semaphore;
  readonly report: (error: unknown) => void;
  /** A watcher has gone; called once for each. */
  readonly onLeft: (follower: RunFollower) => void;
}): RunFollower {
  const { tenantId, runId, tail, store, liveLog, clock, report } = params;
  let phase: "following" | "ended" | "closed" = tail.hasEnded ? "ended" : "following";
  /** Everything up to here has been admitted. */
  let head: Position = { seq: tail.lastSeq, sub: 0 };
  const ring = new EventRing(head, params.rings);
  const watchers = new Set<Watcher>();
  /** Those that stand at the head with room in their sockets. */
  const idle = new Set<Watcher>();
  let subscription: Subscription | null = null;
  /** Whether the last fact is a `step.started`, so that deltas may follow; not known at first. */
  let mayHaveDeltas = true;

  /** Records that came before what they follow. */
  let early: EventRecord[] = [];
  let earlyCharacters = 0;
  /** Something exists up to here. */
  let wanted = head;
  /** There may be more than is known of. */
  let isDoubtful = false;
  /** The live log is known not to have it. */
  let isStoreOnly = false;
  let isHealing = false;
  let fruitless = 0;
  let wakeHealing = (): void => {};

  const isFollowing = (): boolean => phase === "following";
  const isOwing = (): boolean => isFollowing() && (isDoubtful || comparePositions(wanted, head) > 0);

  /** Takes what the live log has, hands it on, and answers whether something had to be left out. */
  function takeIn(records: readonly EventRecord[]): "complete" | "gap" {
    if (!isFollowing()) return "complete";
    const candidates = early.length === 0 ? records : inOrder(early, records);
    early = [];
    earlyCharacters = 0;
    const taken: EventRecord[] = [];
    let result: "complete" | "gap" = "complete";
    let at = head;
    for (const record of candidates) {
      switch (accept(at, record)) {
        case "take":
          taken.push(record);
          at = record;
          break;
        case "drop":
          break;
        case "gap":
          result = "gap";
          keepForLater(record);
          break;
      }
    }
    if (taken.length > 0) advance(taken);
    return result;
  }

  function keepForLater(record: EventRecord): void {
    if (comparePositions(record, wanted) > 0) wanted = { seq: record.seq, sub: record.sub };
    early.push(record);
    earlyCharacters += record.payload.length + RECORD_OVERHEAD_CHARACTERS;
    if (earlyCharacters <= FOLLOW_EARLY_CHARACTERS_MAX) return;
    // R9: they stand in the stores, and `wanted` remembers to read them there.
    early = [];
    earlyCharacters = 0;
  }

  function advance(records: readonly EventRecord[]): void {
    const events = records.map((record) => FollowedEvent.of(runId, record));
    for (const event of events) ring.push(event);
    for (const record of records) {
      head = { seq: record.seq, sub: record.sub };
      if (record.sub === 0) mayHaveDeltas = record.type === "step.started";
      if (isTerminal(record)) end();
    }
    for (const batch of batchesOf(events)) hand(batch);
    trim();
  }

  /** While somebody lags, one copy here spares many reads. */
  function trim(): void {
    ring.trim(idle.size < watchers.size);
  }

  function hand(batch: EventBatch): void {
    for (const watcher of idle) watcher.receive(batch);
  }

  function end(): void {
    phase = "ended";
    subscription?.unsubscribe();
    subscription = null;
    early = [];
    wakeHealing();
  }

  function heal(urgent: boolean): void {
    if (urgent) {
      fruitless = 0;
      wakeHealing();
    }
    if (!isHealing && isOwing()) void healUntilWhole();
  }

  /** One read in flight per follower; it never rejects. */
  async function healUntilWhole(): Promise<void> {
    isHealing = true;
    while (isOwing()) {
      const before = head;
      try {
        await healOnce();
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) report(error);
      }
      if (!isOwing()) break;
      // A missing delta may never come: then a later fact passes it, and until it does the reads become rarer.
      fruitless = comparePositions(head, before) > 0 ? 0 : fruitless + 1;
      if (fruitless > 0) await pause(retryDelayMs(fruitless, clock.random()));
    }
    isHealing = false;
  }

  async function healOnce(): Promise<void> {
    const wasDoubtful = isDoubtful;
    const viaStore = isStoreOnly || params.isLiveLogAway();
    isDoubtful = false;
    isStoreOnly = false;
    const isDone = () => !isFollowing() || (!wasDoubtful && comparePositions(wanted, head) <= 0);
    try {
      if (!viaStore) {
        await readLiveLog();
        if (isDone()) return;
      }
      for (let cursor = head; ; ) {
        const records = await store.readEvents({ runId, after: cursor, limit: EVENTS_PAGE_MAX, factsOnly: false });
        const last = records.at(-1);
        if (last === undefined) return;
        takeFromStore(records);
        if (isDone()) return;
        cursor = comparePositions(last, head) > 0 ? last : head;
      }
    } catch (error) {
      isDoubtful ||= wasDoubtful;
      throw error;
    }
  }

  async function readLiveLog(): Promise<void> {
    for (;;) {
      const before = head;
      const records = await liveLog.read({ runId, after: head, limit: EVENTS_PAGE_MAX });
      takeIn(records);
      if (records.length < EVENTS_PAGE_MAX || comparePositions(head, before) <= 0) return;
    }
  }

  function takeFromStore(records: readonly EventRecord[]): void {
    // Early records are no part of the page: by the store's rule a fact among them would pass over what is missing.
    const fresh = acceptedRecords(head, records, acceptFromStore);
    if (fresh.length > 0 && isFollowing()) advance(fresh);
    if (early.length > 0) takeIn([]);
  }

  function pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const forget = clock.after(delayMs, () => wakeHealing());
      wakeHealing = () => {
        forget();
        wakeHealing = () => {};
        resolve();
      };
    });
  }

  function hear(news: LiveMessage): void {
    switch (news.kind) {
      case "records":
        return offer(news.records);
      case "progress":
        return hand(new EventBatch([FollowedEvent.progress(news.json)]));
      case "resync":
        isDoubtful = true;
        return heal(true);
      default:
        news satisfies never;
    }
  }

  function offer(records: readonly EventRecord[]): void {
    if (takeIn(records) === "complete") return;
    // A fact behind a gap means that the store has what is missing; a delta may be ahead of the next flush.
    heal(records.some((record) => record.sub === 0));
  }

  /** Subscribes first and reads second, so that nothing falls between. */
  async function start(): Promise<void> {
    try {
      const own = await liveLog.subscribe({ runId, listener: hear });
      if (isFollowing()) subscription = own;
      else own.unsubscribe();
    } catch (error) {
      // The comparison of tails goes on without it.
      report(error);
    }
    isDoubtful = true;
    heal(true);
  }

  const watchedRun: WatchedRun = {
    runId,
    after(position) {
      // What was encoded for the last reader counts by now.
      trim();
      return ring.after(position);
    },
    hasEnded: () => phase === "ended",
    async readAfter(position) {
      if (isFollowing() && !params.isLiveLogAway()) {
        const recent = await liveLog.read({ runId, after: position, limit: FOLLOW_PAGE_RECORDS_MAX });
        const taken = acceptedRecords(position, recent, accept);
        if (taken.length > 0) return taken;
      }
      for (let cursor = position; ; ) {
        const page = { runId, after: cursor, limit: FOLLOW_PAGE_RECORDS_MAX, factsOnly: false };
        const records = await store.readEvents(page);
        const last = records.at(-1);
        if (last === undefined) return [];
        const taken = acceptedRecords(position, records, acceptFromStore);
        if (taken.length > 0) return taken;
        cursor = last;
      }
    },
  };

  const follower: RunFollower = {
    tenantId,
    runId,
    watch(after, sink) {
      const watcher = createWatcher({
        after,
        sink,
        run: watchedRun,
        clock,
        pages: params.pages,
        report,
        onIdle(one, isIdle) {
          if (isIdle) idle.add(one);
          else idle.delete(one);
          if (isIdle) trim();
        },
        onClosed(one) {
          watchers.delete(one);
          trim();
          params.onLeft(follower);
        },
      });
      watchers.add(watcher);
      watcher.start();
      return watcher;
    },
    watcherCount: () => watchers.size,
    isLive: isFollowing,
    offer,
    stored(upTo) {
      if (comparePositions(upTo, wanted) > 0) wanted = upTo;
      isStoreOnly = true;
      heal(true);
    },
    tailIs(lastSeq) {
      if (lastSeq <= head.seq) return;
      const fact = { seq: lastSeq, sub: 0 };
      if (comparePositions(fact, wanted) > 0) wanted = fact;
      heal(true);
    },
    poll() {
      if (!mayHaveDeltas) return;
      isDoubtful = true;
      heal(true);
    },
    close() {
      end();
      phase = "closed";
      for (const watcher of watchers) watcher.end("going_away");
      ring.clear();
    },
  };
  if (isFollowing()) void start();
  return follower;
}

function inOrder(early: readonly EventRecord[], records: readonly EventRecord[]): EventRecord[] {
  return [...early, ...records].toSorted(comparePositions);
}

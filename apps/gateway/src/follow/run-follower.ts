import { formatPosition, type Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { Clock } from "../ports/clock.ts";
import { EVENTS_PAGE_MAX } from "../ports/limits.ts";
import type { LiveMessage, Subscription, TenantLiveLog } from "../ports/live-log.ts";
import type { Log } from "../ports/log.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { TenantStore } from "../ports/tenant-store.ts";
import type { Semaphore } from "../runtime/semaphore.ts";
import { batchesOf, EventBatch } from "./event-batch.ts";
import { EventRing, type RingsBudget, type RingView } from "./event-ring.ts";
import type { FeedTurns } from "./feed-turns.ts";
import { FollowedEvent } from "./followed-event.ts";
import {
  beginHealing,
  type HealingInput,
  type HealingPhase,
  type HealingState,
  nextHealingState,
} from "./healing-state.ts";
import { readLivePage } from "./read-live-page.ts";
import { readNextRecords } from "./read-next-records.ts";
import type { Sink } from "./sink.ts";
import type { WatchedRun } from "./watched-run.ts";
import { Watcher } from "./watcher.ts";
import type { TenantId } from "../core/tenant-id.ts";

export interface RunFollowerParams {
  readonly tenantId: TenantId;
  readonly runId: string;
  /** The tag of the store's generation. It holds for as long as the run is followed. */
  readonly generation: string;
  /** Where the run stands. */
  readonly tail: { readonly lastSeq: number; readonly hasEnded: boolean };
  /** Whether it was told of everything so far, and is told of all that happens to the run. */
  readonly isToldOfAll: () => boolean;
  readonly store: Pick<TenantStore, "readEvents" | "readTail">;
  readonly liveLog: Pick<TenantLiveLog, "read" | "subscribe">;
  readonly isLiveLogAway: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Of all followers of this gateway. */
  readonly rings: RingsBudget;
  /** Bounds the pages that lagging watchers of this gateway have in hand. */
  readonly pages: Semaphore;
  /** Of all watchers of this gateway. */
  readonly turns: FeedTurns;
  /** The store lacks facts that it had committed. */
  readonly onStoreBehind: () => void;
}

type Reading = Extract<HealingPhase, { kind: "reading" }>;

/**
 * Follows one run for all of its watchers on this gateway, from where the run stands when it begins. What lies before,
 * a watcher reads by itself. `healing-state.ts` decides what is accepted and what is read.
 *
 * 1. It subscribes first and reads second, so that nothing falls between. It need not read what it is told of anyway.
 * 2. One read is in flight at most: a read begins when the phase asks for it, and its page gives the next phase.
 * 3. What is accepted goes into the ring, then to the watchers that stand at the head. A watcher elsewhere finds it in
 *    the ring or in the stores.
 * 4. The ring is back within its bounds after each change (R9).
 * 5. A crowd of watchers does not hold up the run. Those that one slice of time is too short for read an event in turn,
 *    together with what came after it. What has no position is not kept, so they miss it.
 * 6. What the live log holds may be of a history that the store has lost. So what is read from it goes to nobody before
 *    the store was seen to hold those facts. What is heard was committed a moment ago.
 * 7. Facts are shown when they are committed. So a store that is asked later, and lacks them, has gone back in time.
 */
export class RunFollower implements WatchedRun {
  readonly #params: RunFollowerParams;
  readonly #ring: EventRing;
  readonly #watchers = new Set<Watcher>();
  /** Those that stand at the head with room in their sockets. */
  readonly #idle = new Set<Watcher>();
  readonly #pagesInFlight = new Map<string, Promise<readonly EventRecord[]>>();
  #healing: HealingState;
  /** The phase that was obeyed last. */
  #obeyed: HealingPhase;
  #cancelPause: (() => void) | null = null;
  #subscription: Subscription | null = null;
  /** The seq of the last fact that a read of the store has told of. */
  #storedSeq: number;

  constructor(params: RunFollowerParams) {
    this.#params = params;
    this.#healing = beginHealing(params.tail);
    this.#obeyed = this.#healing.phase;
    this.#ring = new EventRing(this.#healing.head, params.rings);
    this.#storedSeq = params.tail.lastSeq;
  }

  get tenantId(): string {
    return this.#params.tenantId;
  }

  get runId(): string {
    return this.#params.runId;
  }

  get generation(): string {
    return this.#params.generation;
  }

  /** Up to where it has shown the run. */
  get head(): Position {
    return this.#healing.head;
  }

  /** The seq of the last fact that it has shown. */
  get headSeq(): number {
    return this.#healing.head.seq;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** False once the terminal fact was accepted: nothing more will come. */
  get isLive(): boolean {
    return this.#healing.phase.kind !== "ended";
  }

  get hasEnded(): boolean {
    return !this.isLive;
  }

  /** Begins to follow; called once. Resolves when it hears what happens; never rejects. */
  async start(): Promise<void> {
    if (!this.isLive) return;
    const { liveLog, tenantId, runId, log, isToldOfAll } = this.#params;
    let isToldMeanwhile = false;
    try {
      const subscription = await liveLog.subscribe({ runId, listener: (message) => this.#hear(message) }); // 1.
      if (this.isLive) this.#subscription = subscription;
      else subscription.unsubscribe();
      isToldMeanwhile = isToldOfAll();
    } catch (error) {
      // The comparison of tails goes on without it.
      log.error({ err: error, tenantId, runId }, "could not subscribe to a run");
    }
    if (!isToldMeanwhile) this.#tell({ kind: "resync" }); // 1.
  }

  /** Adds a watcher after a position, which is fed from now on. `onLeft` is called once, when it has gone. */
  watch(after: Position, sink: Sink, onLeft: () => void): Watcher {
    const { clock, log, pages, turns } = this.#params;
    const watcher = new Watcher({
      after,
      sink,
      run: this,
      clock,
      log,
      pages,
      turns,
      onIdle: (one, isIdle) => {
        if (isIdle) this.#idle.add(one);
        else this.#idle.delete(one);
        if (isIdle) this.#trim();
      },
      onClosed: (one) => {
        this.#watchers.delete(one);
        this.#trim();
        onLeft();
      },
    });
    this.#watchers.add(watcher);
    watcher.start();
    return watcher;
  }

  /** Takes records of the live log, from wherever they were heard. */
  offer(records: readonly EventRecord[]): void {
    this.#tell({ kind: "heard", records });
  }

  /** The store holds everything up to here, and the live log may not. */
  stored(upTo: Position): void {
    this.#tell({ kind: "stored", upTo });
  }

  /** The run's last fact in the store has this seq. `shownSeq`: `headSeq` from before the store was asked (7.). */
  tailIs(lastSeq: number, shownSeq: number): void {
    if (lastSeq < shownSeq) return this.#params.onStoreBehind();
    this.#storedSeq = Math.max(this.#storedSeq, lastSeq);
    this.#tell({ kind: "tail", lastSeq });
  }

  /** While the live log is away: looks into the store if deltas may have come. */
  poll(): void {
    this.#tell({ kind: "poll" });
  }

  /** Ends its watchers for this reason, and gives back what it holds. */
  close(why: "going_away" | "generation_changed"): void {
    this.#tell({ kind: "closed" });
    for (const watcher of this.#watchers) watcher.end(why);
    this.#ring.clear();
  }

  after(position: Position): RingView {
    this.#trim(); // 4. What was encoded for the last reader counts by now.
    return this.#ring.after(position);
  }

  /** Watchers that ask for the same page at the same time share one read of it. */
  readNext(position: Position): Promise<readonly EventRecord[]> {
    const key = formatPosition(position);
    const known = this.#pagesInFlight.get(key);
    if (known !== undefined) return known;
    const { runId, store, liveLog, isLiveLogAway } = this.#params;
    const mayAskLiveLog = this.isLive && !isLiveLogAway();
    const { head } = this.#healing;
    const page = readNextRecords({ runId, position, head, store, liveLog: mayAskLiveLog ? liveLog : null }).finally(
      () => this.#pagesInFlight.delete(key),
    );
    this.#pagesInFlight.set(key, page);
    return page;
  }

  #hear(message: LiveMessage): void {
    switch (message.kind) {
      case "records":
        return this.offer(message.records);
      case "progress":
        return this.#hand(new EventBatch([FollowedEvent.progress(message.json)]));
      case "resync":
        return this.#tell({ kind: "resync" });
      default:
        message satisfies never;
    }
  }

  #tell(input: HealingInput): void {
    const { state, accepted } = nextHealingState(this.#healing, input, this.#params.isLiveLogAway());
    this.#healing = state;
    if (accepted.length > 0) this.#handOn(accepted);
    this.#obey();
  }

  /** 3. */
  #handOn(accepted: readonly EventRecord[]): void {
    const { runId, generation } = this;
    const events = accepted.map((record) => FollowedEvent.of(runId, record, generation));
    for (const event of events) this.#ring.push(event);
    for (const batch of batchesOf(events)) this.#hand(batch);
    this.#trim();
  }

  /** 5. */
  #hand(batch: EventBatch): void {
    const { turns } = this.#params;
    for (const watcher of this.#idle) {
      if (turns.isFree) turns.now(() => watcher.receive(batch));
      else if (batch.end !== null) watcher.lag();
    }
  }

  /** 4. While a watcher lags, one copy here spares many reads. */
  #trim(): void {
    this.#ring.trim(this.#idle.size < this.#watchers.size);
  }

  #obey(): void {
    const { phase } = this.#healing;
    if (phase === this.#obeyed) return;
    this.#obeyed = phase;
    this.#cancelPause?.();
    this.#cancelPause = null;
    switch (phase.kind) {
      case "whole":
        return;
      case "reading":
        return void this.#read(phase); // 2.
      case "pausing":
        this.#cancelPause = this.#params.clock.after(phase.delayMs, () => this.#tell({ kind: "waited" }));
        return;
      case "ended":
        this.#subscription?.unsubscribe();
        this.#subscription = null;
        return;
      default:
        phase satisfies never;
    }
  }

  /** Never rejects. */
  async #read({ source, after }: Reading): Promise<void> {
    const { tenantId, runId, store, clock, log } = this.#params;
    const page = { runId, after, limit: EVENTS_PAGE_MAX };
    try {
      const records =
        source === "live_log" ? await this.#readLivePage(page) : await store.readEvents({ ...page, factsOnly: false });
      this.#tell({ kind: "page", records, jitter: clock.random() });
    } catch (error) {
      if (!(error instanceof StoreUnavailable))
        log.error({ err: error, tenantId, runId }, "could not read a run's events");
      this.#tell({ kind: "failed", jitter: clock.random() });
    }
  }

  /** 6. */
  async #readLivePage(page: Parameters<TenantLiveLog["read"]>[0]): Promise<readonly EventRecord[]> {
    const read = await readLivePage({ ...this.#params, page, storedSeq: this.#storedSeq });
    if (read === "store_behind") {
      this.#params.onStoreBehind(); // 7.
      return [];
    }
    this.#storedSeq = read.storedSeq;
    return read.records;
  }
}

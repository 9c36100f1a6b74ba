import { formatPosition, type Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { Clock } from "../ports/clock.ts";
import { EVENTS_PAGE_MAX } from "../ports/limits.ts";
import type { LiveLog, LiveMessage, Subscription } from "../ports/live-log.ts";
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
import { readNextRecords } from "./read-next-records.ts";
import type { Sink } from "./sink.ts";
import { type WatchedRun, Watcher } from "./watcher.ts";

export interface RunFollowerParams {
  readonly tenantId: string;
  readonly runId: string;
  /** Where the run stands. */
  readonly tail: { readonly lastSeq: number; readonly hasEnded: boolean };
  readonly store: Pick<TenantStore, "readEvents">;
  readonly liveLog: Pick<LiveLog, "read" | "subscribe">;
  readonly isLiveLogAway: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Of all followers of this gateway. */
  readonly rings: RingsBudget;
  /** Bounds the pages that lagging watchers of this gateway have in hand. */
  readonly pages: Semaphore;
  /** Of all watchers of this gateway. */
  readonly turns: FeedTurns;
  /** A watcher has gone; called once for each. */
  readonly onLeft: (follower: RunFollower) => void;
}

type Reading = Extract<HealingPhase, { kind: "reading" }>;

/**
 * Follows one run for all of its watchers on this gateway, from where the run stands when it begins. What lies before,
 * a watcher reads by itself. `healing-state.ts` decides what is accepted and what is read.
 *
 * 1. It subscribes first and reads second, so that nothing falls between.
 * 2. One read is in flight at most: a read begins when the phase asks for it, and its page gives the next phase.
 * 3. What is accepted goes into the ring, then to the watchers that stand at the head. A watcher elsewhere finds it in
 *    the ring or in the stores.
 * 4. The ring is back within its bounds after each change (R9).
 * 5. A crowd of watchers does not hold up the run. Those that one slice of time is too short for read an event in turn,
 *    together with what came after it. What has no position is not kept, so they miss it.
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

  constructor(params: RunFollowerParams) {
    this.#params = params;
    this.#healing = beginHealing(params.tail);
    this.#obeyed = this.#healing.phase;
    this.#ring = new EventRing(this.#healing.head, params.rings);
  }

  get tenantId(): string {
    return this.#params.tenantId;
  }

  get runId(): string {
    return this.#params.runId;
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
    const { liveLog, runId, log } = this.#params;
    try {
      const subscription = await liveLog.subscribe({ runId, listener: (message) => this.#hear(message) }); // 1.
      if (this.isLive) this.#subscription = subscription;
      else subscription.unsubscribe();
    } catch (error) {
      // The comparison of tails goes on without it.
      log.error({ err: error, runId }, "could not subscribe to a run");
    }
    this.#tell({ kind: "resync" }); // 1.
  }

  /** Adds a watcher after a position, which is fed from now on. */
  watch(after: Position, sink: Sink): Watcher {
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
        this.#params.onLeft(this);
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

  /** The run's last fact in the store has this seq. */
  tailIs(lastSeq: number): void {
    this.#tell({ kind: "tail", lastSeq });
  }

  /** While the live log is away: looks into the store if deltas may have come. */
  poll(): void {
    this.#tell({ kind: "poll" });
  }

  /** Ends its watchers as `going_away`, and gives back what it holds. */
  close(): void {
    this.#tell({ kind: "closed" });
    for (const watcher of this.#watchers) watcher.end("going_away");
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
    const page = readNextRecords({ runId, position, store, liveLog: mayAskLiveLog ? liveLog : null }).finally(() =>
      this.#pagesInFlight.delete(key),
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
    const events = accepted.map((record) => FollowedEvent.of(this.runId, record));
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
    const { runId, store, liveLog, clock, log } = this.#params;
    const page = { runId, after, limit: EVENTS_PAGE_MAX };
    try {
      const records =
        source === "live_log" ? await liveLog.read(page) : await store.readEvents({ ...page, factsOnly: false });
      this.#tell({ kind: "page", records, jitter: clock.random() });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) log.error({ err: error, runId }, "could not read a run's events");
      this.#tell({ kind: "failed", jitter: clock.random() });
    }
  }
}

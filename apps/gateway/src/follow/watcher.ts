import type { Position } from "@hsafa/protocol";
import { backoffMs } from "../core/backoff.ts";
import type { EventRecord } from "../core/event-record.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { Semaphore } from "../runtime/semaphore.ts";
import { batchesOf, EventBatch } from "./event-batch.ts";
import type { FeedTurns } from "./feed-turns.ts";
import { FollowedEvent } from "./followed-event.ts";
import { FOLLOW_PAGE_HELD_MS, FOLLOW_RETRY, WATCHER_STALL_MS } from "./limits.ts";
import { readPagesAhead } from "./read-pages-ahead.ts";
import type { Sink, WatcherEnd, WatcherHandle } from "./sink.ts";
import type { WatchedRun } from "./watched-run.ts";
import { WatcherCursor } from "./watcher-cursor.ts";

export interface WatcherParams {
  /** It has everything up to here. */
  readonly after: Position;
  readonly sink: Sink;
  readonly run: WatchedRun;
  readonly clock: Clock;
  readonly log: Log;
  readonly pages: Semaphore;
  readonly turns: FeedTurns;
  /** It stands at the head and wants to be handed what comes; or not any more. */
  readonly onIdle: (watcher: Watcher, isIdle: boolean) => void;
  /** Called once, before the sink is closed. */
  readonly onClosed: (watcher: Watcher) => void;
}

type Phase =
  /** It reads: memory first, else the stores. */
  | { readonly kind: "catching_up" }
  /** It stands at the head. */
  | { readonly kind: "idle" }
  | { readonly kind: "closed" };

/**
 * One watcher of a run: a cursor and a sink.
 *
 * 1. It owns no queue and keeps no event. However slow it is, it costs what its socket took. For `FOLLOW_PAGE_HELD_MS`
 *    it also costs the page in its hands and the next one, of which the gateway has `FOLLOW_PAGES_MAX` (R9).
 * 2. It is idle only when its cursor is at the head: no `await` lies between the look and the word, so no event falls
 *    between. An event that its sink does not take whole ends the idleness.
 * 3. A sink is written to only while it is ready, and after a part of an event only with its rest (`WatcherCursor`).
 * 4. A sink that takes nothing for `WATCHER_STALL_MS` is closed.
 * 5. While it catches up, it hands over in turn with all other watchers (`FeedTurns`).
 */
export class Watcher implements WatcherHandle {
  readonly #params: WatcherParams;
  readonly #cursor: WatcherCursor;
  #phase: Phase = { kind: "catching_up" };
  /** Runs while the sink is not ready. */
  #cancelStall: (() => void) | null = null;
  /** Ends the one wait that catching up may be in. */
  #wake: (() => void) | null = null;

  constructor(params: WatcherParams) {
    this.#params = params;
    this.#cursor = new WatcherCursor(params.after);
  }

  /** Begins to feed its sink; called once. */
  start(): void {
    this.#catchUp().catch((error: unknown) => this.#fail(error));
  }

  /** Takes new events, if it stands idle at the head. */
  receive(batch: EventBatch): void {
    if (this.#phase.kind !== "idle") return;
    const unseen = batch.after(this.#cursor.position);
    if (unseen === null) return;
    const { sink, onIdle } = this.#params;
    const isReady = sink.isReady(); // 3.
    // An event without a position is not kept, so it is not worth a wait.
    if (!isReady && unseen.end === null) return;
    const isWhole = isReady && this.#hand(unseen);
    if (this.#isClosed || (isWhole && sink.isReady())) return;
    this.#phase = { kind: "catching_up" }; // 2.
    onIdle(this, false);
    this.start();
  }

  /** Something new was not handed to it, if it stood idle: it reads that in its turn. */
  lag(): void {
    if (this.#phase.kind !== "idle") return;
    const { turns, onIdle } = this.#params;
    this.#phase = { kind: "catching_up" };
    onIdle(this, false);
    void turns.afterRest().then(() => this.start());
  }

  drained(): void {
    if (this.#isClosed) return;
    this.#cancelStall?.();
    this.#cancelStall = null;
    this.#wake?.();
  }

  progressed(): void {
    if (this.#cancelStall !== null && !this.#isClosed) this.#expectProgress();
  }

  /** The client has gone. */
  close(): void {
    if (!this.#isClosed) this.#leave();
  }

  /** Closes the sink, for this reason. */
  end(reason: WatcherEnd): void {
    if (this.#isClosed) return;
    this.#leave();
    this.#params.sink.close(reason);
  }

  get #isClosed(): boolean {
    return this.#phase.kind === "closed";
  }

  /** Goes from where it stands to the head of the run, at the pace of its sink. */
  async #catchUp(): Promise<void> {
    const { sink, turns, clock } = this.#params;
    let fruitless = 0;
    while (!this.#isClosed) {
      if (!sink.isReady()) {
        await this.#waitForSink(null);
        continue;
      }
      const found = await turns.run(() => this.#handFromMemory()); // 5.
      switch (found) {
        case "handed":
          break;
        case "done":
          return;
        case "evicted":
          fruitless = (await this.#handPages()) ? 0 : fruitless + 1;
          if (fruitless > 0 && !this.#isClosed) {
            await this.#wait(backoffMs(fruitless, FOLLOW_RETRY, clock.random()));
          }
          break;
        default:
          found satisfies never;
      }
    }
  }

  /** Hands over what comes next, if it is in memory. `done`: it stands at the head, or has come to its end. */
  #handFromMemory(): "handed" | "done" | "evicted" {
    const { sink, run, onIdle } = this.#params;
    // It may have waited for its turn.
    if (this.#isClosed || !sink.isReady()) return "handed";
    const view = run.after(this.#cursor.position);
    switch (view.kind) {
      case "events":
        this.#hand(new EventBatch(view.events));
        return "handed";
      case "head":
        if (run.hasEnded) {
          this.end("ended");
          return "done";
        }
        this.#phase = { kind: "idle" }; // 2.
        onIdle(this, true);
        return "done";
      case "evicted":
        return "evicted";
      default:
        return view satisfies never;
    }
  }

  /** Reads pages and hands over what the sink takes of them. False: there was nothing, or no store to ask. */
  async #handPages(): Promise<boolean> {
    const { run, pages } = this.#params;
    const after = this.#cursor.position;
    let isFound = false;
    try {
      for await (const page of readPagesAhead({ run, after, pages, isWanted: () => !this.#isClosed })) {
        isFound = true;
        if (!(await this.#handPage(page))) break;
      }
      return isFound || this.#isClosed;
    } catch (error) {
      if (error instanceof StoreUnavailable) return false;
      throw error;
    }
  }

  /** Hands over a page. False: the sink is full for long, or closed. */
  async #handPage(page: readonly EventRecord[]): Promise<boolean> {
    const { run, turns } = this.#params;
    const batches = batchesOf(eventsOf(run, page));
    for (;;) {
      const batch = await turns.run(() => batches.next()); // 5.
      if (batch.done === true) return true;
      if (!(await this.#handSlowly(batch.value))) return false;
    }
  }

  /** Hands over a batch of a page, at the pace of the sink. False: the sink is full for long, or closed. */
  async #handSlowly(batch: EventBatch): Promise<boolean> {
    const { sink, turns } = this.#params;
    for (let rest: EventBatch | null = batch; rest !== null; rest = rest.after(this.#cursor.position)) {
      if (!sink.isReady()) await this.#waitForSink(FOLLOW_PAGE_HELD_MS); // 1.
      if (this.#isClosed || !sink.isReady()) return false;
      const next = rest;
      await turns.run(() => !this.#isClosed && sink.isReady() && this.#hand(next)); // 5.
      if (this.#isClosed) return false;
    }
    return true;
  }

  /**
   * Hands a batch to the sink, which is ready. False: the sink took a part, and the rest is read again when it is ready
   * again; or the watcher is closed.
   */
  #hand(batch: EventBatch): boolean {
    const { sink } = this.#params;
    try {
      const encoded = batch.in(sink.format);
      const from = this.#cursor.resumeIn(batch, encoded); // 3.
      if (from === null) {
        this.end("failed");
        return false;
      }
      const byteCount = from + sink.write(encoded, from);
      this.#cursor.advance(batch, encoded, byteCount);
      if (byteCount < encoded.byteLength) return false;
    } catch (error) {
      this.#fail(error);
      return false;
    }
    if (batch.terminal) this.end("ended");
    return !this.#isClosed;
  }

  /** Waits for the sink, not longer than this if it is given. */
  #waitForSink(delayMs: number | null): Promise<void> {
    if (this.#cancelStall === null) this.#expectProgress();
    return this.#wait(delayMs);
  }

  /** 4. */
  #expectProgress(): void {
    this.#cancelStall?.();
    this.#cancelStall = this.#params.clock.after(WATCHER_STALL_MS, () => this.end("stalled"));
  }

  /** Waits so long, or until it is woken. */
  #wait(delayMs: number | null): Promise<void> {
    return new Promise((resolve) => {
      const cancel = delayMs === null ? null : this.#params.clock.after(delayMs, () => this.#wake?.());
      this.#wake = () => {
        cancel?.();
        this.#wake = null;
        resolve();
      };
    });
  }

  #fail(error: unknown): void {
    const { log, run } = this.#params;
    log.error({ err: error, tenantId: run.tenantId, runId: run.runId }, "a watcher failed");
    this.end("failed");
  }

  #leave(): void {
    const { onIdle, onClosed } = this.#params;
    if (this.#phase.kind === "idle") onIdle(this, false);
    this.#phase = { kind: "closed" };
    this.#cancelStall?.();
    this.#wake?.();
    onClosed(this);
  }
}

/** Their events, each made when it is asked for. */
function* eventsOf(run: WatchedRun, records: Iterable<EventRecord>): Generator<FollowedEvent> {
  for (const record of records) yield FollowedEvent.of(run.runId, record, run.generation);
}

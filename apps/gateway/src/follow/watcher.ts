import type { Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import { FOLLOW_PAGE_HELD_MS, WATCHER_STALL_MS } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { batchesOf, type EncodedBatch, EventBatch } from "./event-batch.ts";
import type { EventFormat } from "./event-format.ts";
import { FollowedEvent } from "./followed-event.ts";
import { retryDelayMs } from "./retry-delay.ts";
import type { RingView } from "./event-ring.ts";
import { WatcherCursor } from "./watcher-cursor.ts";
import type { Semaphore } from "../runtime/semaphore.ts";

/** Why a watcher was closed, by this side. */
export type WatcherEnd =
  /** The terminal fact was handed over, or had been seen. */
  | "ended"
  /** A full socket took nothing for `WATCHER_STALL_MS`. */
  | "stalled"
  /** Something broke here: the client should come back with its position. */
  | "failed"
  /** The gateway is going away: likewise, at once. */
  | "going_away";

/** Where a watcher's events go: a socket. */
export interface Sink {
  /** How its events are written. */
  readonly format: EventFormat;
  /**
   * Whether it takes a write now. When it said no, it calls `drained` once it does: later, never from within a call of
   * the watcher.
   */
  isReady(): boolean;
  /**
   * Writes a batch in this sink's format, from this byte of `batch.bytes` on, and returns how many bytes it took. It
   * takes all; only of a batch above `WATCHER_WRITE_BYTES_MAX` it may take a part, and is offered the rest when it is
   * ready again.
   */
  write(batch: EncodedBatch, from: number): number;
  /** Called once and last, unless the watcher was closed by its handle. What was written before is to be sent first. */
  close(end: WatcherEnd): void;
}

/** The sink's side of a watcher. */
export interface WatcherHandle {
  /** There is room again. */
  drained(): void;
  /** Bytes left although it is not ready yet: not stalled. */
  progressed(): void;
  /** The client has gone. */
  close(): void;
}

/** What a watcher uses of the run that it watches. */
export interface WatchedRun {
  readonly runId: string;
  /** The events after a position, as far as they are in memory. */
  after(position: Position): RingView;
  /** Whether the terminal fact has been seen. */
  hasEnded(): boolean;
  /** Records after a position that a reader there may take, oldest first; none when the stores are behind. */
  readAfter(position: Position): Promise<readonly EventRecord[]>;
}

/**
 * One watcher of a run: a cursor and a sink. It owns no queue and keeps no event, so however slow it is, it costs what
 * its socket took and no more (R9).
 */
export interface Watcher extends WatcherHandle {
  start(): void;
  /** New events, for a watcher that stands idle at the head. */
  receive(batch: EventBatch): void;
  end(reason: WatcherEnd): void;
}

export function createWatcher(params: {
  readonly after: Position;
  readonly sink: Sink;
  readonly run: WatchedRun;
  readonly clock: Clock;
  readonly pages: Semaphore;
  readonly report: (error: unknown) => void;
  /** It stands at the head and wants to be handed what comes; until it is not idle any more. */
  readonly onIdle: (watcher: Watcher, idle: boolean) => void;
  readonly onClosed: (watcher: Watcher) => void;
}): Watcher {
  const { sink, run, clock, pages, report } = params;
  const cursor = new WatcherCursor(params.after);
  let phase: "catching_up" | "idle" | "closed" = "catching_up";
  let forgetStall: (() => void) | null = null;
  /** Ends the one wait that catching up may be in. */
  let wake = (): void => {};

  const isClosed = (): boolean => phase === "closed";

  /** Hands a batch to the sink, which is ready. False: it took a part, and the rest is read when it is ready again. */
  function hand(batch: EventBatch): boolean {
    let isWhole = false;
    try {
      const encoded = batch.in(sink.format);
      const from = cursor.resumeIn(batch, encoded);
      if (from !== null) {
        const byteCount = from + sink.write(encoded, from);
        cursor.advance(batch, encoded, byteCount);
        isWhole = byteCount === encoded.byteLength;
      } else end("failed");
    } catch (error) {
      report(error);
      end("failed");
    }
    if (isWhole && batch.terminal) end("ended");
    return isWhole;
  }

  function expectProgress(): void {
    forgetStall?.();
    forgetStall = clock.after(WATCHER_STALL_MS, () => end("stalled"));
  }

  /** Waits for the sink, not longer than this. */
  function waitForSink(delayMs: number | null): Promise<void> {
    if (forgetStall === null) expectProgress();
    return wait(delayMs);
  }

  function wait(delayMs: number | null): Promise<void> {
    return new Promise((resolve) => {
      const forget = delayMs === null ? () => {} : clock.after(delayMs, () => wake());
      wake = () => {
        forget();
        wake = () => {};
        resolve();
      };
    });
  }

  /** From wherever it stands to the head of the run, at the pace of its socket. */
  async function catchUp(): Promise<void> {
    let fruitless = 0;
    while (!isClosed()) {
      if (!sink.isReady()) {
        await waitForSink(null);
        continue;
      }
      const view = run.after(cursor.position);
      switch (view.kind) {
        case "events":
          hand(new EventBatch(view.events));
          break;
        case "head":
          if (run.hasEnded()) return end("ended");
          phase = "idle";
          return params.onIdle(watcher, true);
        case "evicted":
          fruitless = (await handPage()) ? 0 : fruitless + 1;
          if (fruitless > 0 && !isClosed()) await wait(retryDelayMs(fruitless, clock.random()));
          break;
        default:
          view satisfies never;
      }
    }
  }

  /** Reads one page and hands over what the socket takes of it. False: there was nothing, or no store to ask. */
  async function handPage(): Promise<boolean> {
    const giveBack = await pages.acquire();
    try {
      if (isClosed()) return true;
      const records = await run.readAfter(cursor.position);
      for (const batch of batchesOf(eventsOf(run.runId, records))) {
        for (let rest: EventBatch | null = batch; rest !== null; rest = rest.after(cursor.position)) {
          if (!sink.isReady()) await waitForSink(FOLLOW_PAGE_HELD_MS);
          if (isClosed() || !sink.isReady()) return true;
          hand(rest);
          if (isClosed()) return true;
        }
      }
      return records.length > 0;
    } catch (error) {
      if (error instanceof StoreUnavailable) return false;
      throw error;
    } finally {
      giveBack();
    }
  }

  function startCatchingUp(): void {
    catchUp().catch((error: unknown) => {
      report(error);
      end("failed");
    });
  }

  function leave(): void {
    if (phase === "idle") params.onIdle(watcher, false);
    phase = "closed";
    forgetStall?.();
    wake();
    params.onClosed(watcher);
  }

  function end(reason: WatcherEnd): void {
    if (isClosed()) return;
    leave();
    sink.close(reason);
  }

  const watcher: Watcher = {
    start: startCatchingUp,
    receive(batch) {
      if (phase !== "idle") return;
      const news = batch.after(cursor.position);
      if (news === null) return;
      // What has no position is not worth a wait.
      if (!sink.isReady() && news.end === null) return;
      const isWhole = sink.isReady() && hand(news);
      if (isClosed() || (isWhole && sink.isReady())) return;
      phase = "catching_up";
      params.onIdle(watcher, false);
      startCatchingUp();
    },
    end,
    drained() {
      if (isClosed()) return;
      forgetStall?.();
      forgetStall = null;
      wake();
    },
    progressed() {
      if (forgetStall !== null && !isClosed()) expectProgress();
    },
    close() {
      if (!isClosed()) leave();
    },
  };
  return watcher;
}

/** Their events, each made when it is asked for. */
function* eventsOf(runId: string, records: Iterable<EventRecord>): Generator<FollowedEvent> {
  for (const record of records) yield FollowedEvent.of(runId, record);
}

import { type Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import { FOLLOW_PAGE_HELD_MS, WATCHER_STALL_MS } from "../core/limits.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { batchesOf, FrameBatch, framesOf } from "./follow-frame.ts";
import { retryDelayMs } from "./follow-retry.ts";
import type { RingView } from "./follow-ring.ts";
import type { Turns } from "./follow-turns.ts";

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
  /**
   * Takes the batch, whatever its size. False: it is full, and wants no more until it has called `drained` (later, never from within `write`).
   */
  write(batch: FrameBatch): boolean;
  /** Called once and last, unless the watcher was closed by its handle. What was written before is to be sent first. */
  close(end: WatcherEnd): void;
}

/** The sink's side of a watcher. */
export interface WatcherHandle {
  /** There is room again. */
  drained(): void;
  /** Bytes left although it is still full: not stalled yet. */
  progressed(): void;
  /** The client has gone. */
  close(): void;
}

/** What a watcher uses of the run that it watches. */
export interface WatchedRun {
  readonly runId: string;
  /** The frames after a position, as far as they are in memory. */
  after(position: Position): RingView;
  /** Whether the terminal fact has been seen. */
  hasEnded(): boolean;
  /** Records after a position that a reader there may take, oldest first; none when the stores are behind. */
  readAfter(position: Position): Promise<readonly EventRecord[]>;
}

/** One watcher of a run: a cursor and a sink. It owns no queue, so however slow it is, it holds what its socket took and no more (R9). */
export interface Watcher extends WatcherHandle {
  start(): void;
  /** New frames, for a watcher that stands idle at the head. */
  receive(batch: FrameBatch): void;
  end(reason: WatcherEnd): void;
}

export function createWatcher(params: {
  readonly after: Position;
  readonly sink: Sink;
  readonly run: WatchedRun;
  readonly clock: Clock;
  readonly pages: Turns;
  readonly report: (error: unknown) => void;
  /** It stands at the head and wants to be handed what comes; until it is not idle any more. */
  readonly onIdle: (watcher: Watcher, idle: boolean) => void;
  readonly onClosed: (watcher: Watcher) => void;
}): Watcher {
  const { sink, run, clock, pages, report } = params;
  let position = params.after;
  let phase: "catching_up" | "idle" | "closed" = "catching_up";
  let isFull = false;
  let forgetStall = (): void => {};
  /** Ends the one wait that catching up may be in. */
  let wake = (): void => {};

  const isClosed = (): boolean => phase === "closed";

  function hand(batch: FrameBatch): void {
    position = batch.end ?? position;
    try {
      isFull = !sink.write(batch);
    } catch (error) {
      report(error);
      return end("failed");
    }
    if (batch.terminal) return end("ended");
    if (isFull) expectProgress();
  }

  function expectProgress(): void {
    forgetStall();
    forgetStall = clock.after(WATCHER_STALL_MS, () => end("stalled"));
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
      if (isFull) {
        await wait(null);
        continue;
      }
      const view = run.after(position);
      switch (view.kind) {
        case "frames":
          hand(new FrameBatch(view.frames));
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
    const giveBack = await pages.take();
    try {
      if (isClosed()) return true;
      const records = await run.readAfter(position);
      for (const batch of batchesOf(framesOf(run.runId, records))) {
        if (isFull && !isClosed()) await wait(FOLLOW_PAGE_HELD_MS);
        if (isFull || isClosed()) break;
        hand(batch);
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
    forgetStall();
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
      const news = batch.after(position);
      if (phase !== "idle" || news === null) return;
      hand(news);
      if (isClosed() || !isFull) return;
      phase = "catching_up";
      params.onIdle(watcher, false);
      startCatchingUp();
    },
    end,
    drained() {
      if (isClosed()) return;
      isFull = false;
      forgetStall();
      wake();
    },
    progressed() {
      if (!isClosed() && isFull) expectProgress();
    },
    close() {
      if (!isClosed()) leave();
    },
  };
  return watcher;
}

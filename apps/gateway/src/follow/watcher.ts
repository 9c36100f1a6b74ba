import { comparePositions, type Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import { FOLLOW_PAGE_HELD_MS, WATCHER_STALL_MS } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { batchesOf, FrameBatch, framesOf } from "./frame.ts";
import { retryDelayMs } from "./retry-delay.ts";
import type { RingView } from "./frame-ring.ts";
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
  /**
   * Whether it takes a write now. When it said no, it calls `drained` once it does: later, never from within a call of
   * the watcher.
   */
  isReady(): boolean;
  /**
   * Writes the batch from this byte of `batch.sse` on, and answers how many bytes it took. It takes all; only of a
   * batch above `WATCHER_WRITE_BYTES_MAX`, which is one frame, it may take a part, and is offered the rest when it is
   * ready again.
   */
  write(batch: FrameBatch, from: number): number;
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
  /** The frames after a position, as far as they are in memory. */
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
  /** New frames, for a watcher that stands idle at the head. */
  receive(batch: FrameBatch): void;
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
  let position = params.after;
  /** The large frame of which a part has gone. */
  let begun: { readonly at: Position | null; readonly sent: number; readonly of: number } | null = null;
  let phase: "catching_up" | "idle" | "closed" = "catching_up";
  let forgetStall: (() => void) | null = null;
  /** Ends the one wait that catching up may be in. */
  let wake = (): void => {};

  const isClosed = (): boolean => phase === "closed";

  /** The sink is ready. What it does not take is read again when it is ready again. */
  function hand(batch: FrameBatch): void {
    // The same event is the same bytes wherever it is read. If another one comes next by now (a delta that was lost
    // with its step), a client must not get a mixture.
    if (begun !== null && (begun.of !== batch.byteLength || !isAt(batch.start, begun.at))) return end("failed");
    try {
      const from: number = begun?.sent ?? 0;
      const sent = from + sink.write(batch, from);
      begun = sent < batch.byteLength ? { at: batch.start, sent, of: batch.byteLength } : null;
    } catch (error) {
      report(error);
      return end("failed");
    }
    if (begun !== null) return;
    position = batch.end ?? position;
    if (batch.terminal) end("ended");
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
    const giveBack = await pages.acquire();
    try {
      if (isClosed()) return true;
      const records = await run.readAfter(position);
      for (const batch of batchesOf(framesOf(run.runId, records))) {
        do {
          if (!sink.isReady()) await waitForSink(FOLLOW_PAGE_HELD_MS);
          if (isClosed() || !sink.isReady()) return true;
          hand(batch);
        } while (begun !== null && !isClosed());
        if (isClosed()) return true;
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
      const news = batch.after(position);
      if (news === null) return;
      if (sink.isReady()) hand(news);
      // What has no position is not worth a wait.
      else if (news.end === null) return;
      if (isClosed() || (begun === null && sink.isReady())) return;
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

function isAt(one: Position | null, other: Position | null): boolean {
  return one === null || other === null ? one === other : comparePositions(one, other) === 0;
}

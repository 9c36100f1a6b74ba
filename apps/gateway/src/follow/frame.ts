import { comparePositions, type Position } from "@hsafa/protocol";
import { type EventRecord, isTerminal, wireJson } from "../core/event-record.ts";
import { WATCHER_WRITE_BYTES_MAX } from "./limits.ts";

/** An event as it goes to sockets: serialised once, shared by every watcher of every kind. */
export interface Frame {
  /** Null for what has no position (`tool.progress`): it moves no cursor. */
  readonly position: Position | null;
  /** The whole SSE frame. */
  readonly sse: Buffer;
  /** The event alone, as UTF-8 JSON: a view into `sse`. */
  readonly json: Buffer;
  /** Whether it is the run's last. */
  readonly terminal: boolean;
}

/** The frame of an event of this run. */
export function frameOf(runId: string, record: EventRecord): Frame {
  const { seq, sub } = record;
  return makeFrame({
    position: { seq, sub },
    head: `id: ${seq}-${sub}\ndata: `,
    json: wireJson(runId, record),
    terminal: isTerminal(record),
  });
}

/** Their frames, each made when it is asked for: a reader that stops early makes no more of them. */
export function* framesOf(runId: string, records: Iterable<EventRecord>): Generator<Frame> {
  for (const record of records) yield frameOf(runId, record);
}

/** The frame of a `tool.progress` event: no `id` line, so that a client's last position stays what it was. */
export function progressFrame(json: string): Frame {
  return makeFrame({ position: null, head: "data: ", json, terminal: false });
}

function makeFrame(params: { position: Position | null; head: string; json: string; terminal: boolean }): Frame {
  const { position, head, json, terminal } = params;
  // JSON text holds no line break, so one `data:` line carries all of it.
  const sse = Buffer.from(`${head}${json}\n\n`);
  return { position, sse, json: sse.subarray(head.length, sse.length - 2), terminal };
}

/** Frames that are due at once, in order, so that they go to each socket in one write. At least one. */
export class FrameBatch {
  readonly frames: readonly Frame[];
  /** Of `sse`. */
  readonly byteLength: number;
  #sse: Buffer | null = null;

  constructor(frames: readonly Frame[]) {
    this.frames = frames;
    this.byteLength = frames.reduce((sum, { sse }) => sum + sse.length, 0);
  }

  /** All SSE frames in one buffer, made once for all watchers. */
  get sse(): Buffer {
    const [only] = this.frames;
    this.#sse ??=
      only !== undefined && this.frames.length === 1 ? only.sse : Buffer.concat(this.frames.map((frame) => frame.sse));
    return this.#sse;
  }

  /** The first position in it; null when it has none. */
  get start(): Position | null {
    return this.frames[0]?.position ?? null;
  }

  /** The last position in it; null when it has none. */
  get end(): Position | null {
    return this.frames.at(-1)?.position ?? null;
  }

  get terminal(): boolean {
    return this.frames.at(-1)?.terminal ?? false;
  }

  /** What of it a watcher at `position` has not seen; null when that is nothing. */
  after(position: Position): FrameBatch | null {
    const isNews = (frame: Frame) => frame.position === null || comparePositions(frame.position, position) > 0;
    const [first] = this.frames;
    if (first !== undefined && isNews(first)) return this;
    const news = this.frames.filter(isNews);
    return news.length === 0 ? null : new FrameBatch(news);
  }
}

/** Cuts frames into batches of about `WATCHER_WRITE_BYTES_MAX`; a larger frame is a batch of its own. */
export function* batchesOf(frames: Iterable<Frame>): Generator<FrameBatch> {
  let batch: Frame[] = [];
  let bytes = 0;
  for (const frame of frames) {
    if (batch.length > 0 && bytes + frame.sse.length > WATCHER_WRITE_BYTES_MAX) {
      yield new FrameBatch(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(frame);
    bytes += frame.sse.length;
  }
  if (batch.length > 0) yield new FrameBatch(batch);
}

import { comparePositions, formatPosition, isTerminalType, parsePosition, type Position } from "@hsafa/protocol";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { RunStream, SentEvent, StreamEvents } from "./run-stream.ts";
import type { Scheduler } from "./scheduler.ts";

/** An event as a watcher got it. */
export interface SeenEvent extends Position {
  readonly json: string;
}

/** Opens a stream after a position. Null: no gateway can be reached. */
export type OpenStream = (after: string | undefined, events: StreamEvents) => RunStream | null;

/** A client that follows one run to its end, wherever and however often it is cut off. */
export class SimulatedWatcher {
  readonly runId: string;
  readonly startedAfter: Position;
  readonly events: SeenEvent[] = [];
  /** It has the terminal fact, or began there. */
  isDone = false;
  readonly #open: OpenStream;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #recorder: Recorder;
  #stream: RunStream | null = null;
  #heardAt = 0;

  constructor(params: {
    readonly runId: string;
    readonly after: Position;
    readonly open: OpenStream;
    readonly scheduler: Scheduler;
    readonly random: Random;
    readonly recorder: Recorder;
  }) {
    this.runId = params.runId;
    this.startedAfter = params.after;
    this.#open = params.open;
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#recorder = params.recorder;
    this.#connectSoon(1);
  }

  get position(): Position {
    return this.events.at(-1) ?? this.startedAfter;
  }

  /** It goes, and comes back. */
  cut(): void {
    this.#stream?.close();
    this.#leave();
  }

  /** Nothing at all was heard from a gateway that does not live: heartbeats would have been missed. */
  loseSilent(): void {
    const stream = this.#stream;
    if (stream === null || stream.gateway.machine.isAlive || this.#scheduler.time - this.#heardAt <= 3000) return;
    stream.abandon();
    this.#leave();
  }

  #leave(): void {
    if (this.#stream === null) return;
    this.#stream = null;
    this.#connectSoon(this.#random.delayMs(100));
  }

  #connectSoon(delayMs: number): void {
    this.#scheduler.after(delayMs, "watcher connects", () => this.#connect());
  }

  #connect(): void {
    if (this.isDone || this.#stream !== null) return;
    this.#heardAt = this.#scheduler.time;
    const after = this.position.seq === 0 ? undefined : formatPosition(this.position);
    const isAtEnd = this.position;
    let stream: RunStream | null = null;
    const ofStream = (hear: () => void) => (): void => {
      if (this.#stream !== null && this.#stream === stream) hear();
    };
    stream = this.#open(after, {
      event: (json, event) => ofStream(() => this.#read(json, event))(),
      ended: ofStream(() => this.#ended(isAtEnd)),
      refused: (code, detail) => ofStream(() => this.#refused(code, detail))(),
      lost: ofStream(() => this.#leave()),
    });
    this.#stream = stream;
    if (stream === null) this.#connectSoon(300);
  }

  /** It may have begun at the end: then nothing followed. */
  #ended(startedAt: Position): void {
    if (!this.isDone && comparePositions(startedAt, this.position) !== 0)
      this.#recorder.fail("R8", `a watcher of ${this.runId} is told the end at ${formatPosition(this.position)}`);
    this.isDone = true;
    this.#leave();
  }

  #refused(code: string, detail: string): void {
    if (code === "not_found" || code === "invalid_position")
      this.#recorder.fail("R8", `a watcher of ${this.runId} after ${formatPosition(this.position)}: ${detail}`);
    this.#leave();
  }

  #read(json: string, { id, type }: SentEvent): void {
    const position = id === undefined ? null : parsePosition(id);
    if (position !== null) this.#take(position, json, isTerminalType(type));
  }

  #take({ seq, sub }: Position, json: string, isTerminal: boolean): void {
    this.#heardAt = this.#scheduler.time;
    this.#scheduler.trace(`watcher ${this.runId} ${seq}-${sub}`);
    if (comparePositions({ seq, sub }, this.position) <= 0)
      this.#recorder.fail("R8", `a watcher of ${this.runId} at ${formatPosition(this.position)} gets ${seq}-${sub}`);
    this.#recorder.seenText("a watcher", this.runId, { seq, sub }, json);
    this.events.push({ seq, sub, json });
    if (isTerminal) this.isDone = true;
  }
}

import {
  comparePositions,
  type EventType,
  formatPosition,
  isTerminalType,
  parsePosition,
  type Position,
} from "@hsafa/protocol";
import { jsonFormat } from "../../src/edge/stream/formats/json.ts";
import type { Sink, WatcherHandle } from "../../src/follow/sink.ts";
import { WATCHER_STALL_MS } from "../../src/follow/limits.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimulatedGateway } from "./simulated-gateway.ts";

/** An event as a watcher got it. */
export interface SeenEvent extends Position {
  readonly json: string;
}

interface Stream {
  isOpen: boolean;
  handle: WatcherHandle | null;
  readonly gateway: SimulatedGateway;
}

/** A client that follows one run to its end, wherever and however often it is cut off. */
export class SimulatedWatcher {
  readonly runId: string;
  readonly startedAfter: Position;
  readonly events: SeenEvent[] = [];
  /** It has the terminal fact, or began there. */
  isDone = false;
  readonly #tenantId: string;
  readonly #isSlow: boolean;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #pickGateway: () => SimulatedGateway | null;
  #stream: Stream | null = null;
  #heardAt = 0;

  constructor(params: {
    readonly runId: string;
    readonly tenantId: string;
    readonly after: Position;
    /** It takes its time, more often than not. */
    readonly isSlow: boolean;
    readonly scheduler: Scheduler;
    readonly random: Random;
    readonly recorder: Recorder;
    readonly pickGateway: () => SimulatedGateway | null;
  }) {
    this.runId = params.runId;
    this.startedAfter = params.after;
    this.#tenantId = params.tenantId;
    this.#isSlow = params.isSlow;
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#recorder = params.recorder;
    this.#pickGateway = params.pickGateway;
    this.#connectSoon(1);
  }

  get position(): Position {
    return this.events.at(-1) ?? this.startedAfter;
  }

  /** The connection breaks. */
  cut(): void {
    const stream = this.#stream;
    if (stream === null) return;
    this.#leave(stream);
    this.#scheduler.after(this.#random.delayMs(5), "watcher cut", () =>
      stream.gateway.machine.enter(() => stream.handle?.close()),
    );
  }

  /** Nothing at all was heard from a gateway that does not live: heartbeats would have been missed. */
  loseSilent(): void {
    const stream = this.#stream;
    if (stream !== null && !stream.gateway.machine.isAlive && this.#scheduler.time - this.#heardAt > 3000) this.cut();
  }

  #leave(stream: Stream): void {
    stream.isOpen = false;
    if (this.#stream !== stream) return;
    this.#stream = null;
    this.#connectSoon(this.#random.delayMs(100));
  }

  #connectSoon(delayMs: number): void {
    this.#scheduler.after(delayMs, "watcher connects", () => this.#connect());
  }

  #connect(): void {
    if (this.isDone || this.#stream !== null) return;
    const gateway = this.#pickGateway();
    if (gateway === null) return this.#connectSoon(300);
    const { machine, assembled } = gateway;
    const stream: Stream = { isOpen: true, handle: null, gateway };
    this.#stream = stream;
    this.#heardAt = this.#scheduler.time;
    machine.onDeath(() => this.#scheduler.after(this.#random.delayMs(10), "watcher reset", () => this.#leave(stream)));
    const after = this.position.seq === 0 ? undefined : formatPosition(this.position);
    this.#scheduler.after(this.#random.delayMs(2), "watcher asks", () =>
      machine.enter(() => {
        const { runId } = this;
        assembled.hub.follow({ tenantId: this.#tenantId, runId, after }).then(
          (outcome) => {
            switch (outcome.kind) {
              case "following":
                if (stream.isOpen) stream.handle = outcome.watch(this.#sink(stream));
                return;
              case "at_end":
                return this.#soon(stream, () => this.#atEnd(stream));
              case "refused":
                if (outcome.code === "not_found" || outcome.code === "invalid_position") {
                  this.#recorder.fail("R8", `a watcher of ${runId} after ${after ?? "nothing"}: ${outcome.detail}`);
                }
                return this.#soon(stream, () => this.#leave(stream));
              default:
                return outcome satisfies never;
            }
          },
          (error: unknown) => {
            if (!(error instanceof StoreUnavailable)) this.#recorder.fail("bug", String(error));
            this.#soon(stream, () => this.#leave(stream));
          },
        );
      }),
    );
  }

  /** What the gateway says arrives a little later, in order. */
  #soon(stream: Stream, run: () => void): void {
    if (stream.gateway.machine.mayAct()) this.#scheduler.after(1, "to watcher", () => void (stream.isOpen && run()));
  }

  #atEnd(stream: Stream): void {
    this.#leave(stream);
    this.isDone = true;
  }

  #sink(stream: Stream): Sink {
    let isFull = false;
    return {
      isReady: () => !isFull,
      format: jsonFormat,
      write: (batch) => {
        const texts = batch.parts.map((part) => part.toString());
        this.#soon(stream, () => texts.forEach((text) => this.#read(text)));
        if (this.#random.chance(this.#isSlow ? 0.6 : 0.05)) {
          isFull = true;
          const { machine } = stream.gateway;
          this.#scheduler.after(this.#fullForMs(), "watcher drains", () =>
            machine.enter(() => {
              isFull = false;
              stream.handle?.drained();
            }),
          );
        }
        return batch.byteLength;
      },
      close: (end) =>
        this.#soon(stream, () => {
          if (end === "ended" && !this.isDone)
            this.#recorder.fail("R8", `a watcher of ${this.runId} is told the end at ${formatPosition(this.position)}`);
          if (end === "failed") this.#recorder.fail("bug", `a watcher of ${this.runId} failed`);
          this.#leave(stream);
        }),
    };
  }

  /** How long its socket takes nothing: now and then, when it is slow, for longer than a gateway waits. */
  #fullForMs(): number {
    if (!this.#isSlow) return this.#random.delayMs(100);
    return this.#random.chance(0.02) ? WATCHER_STALL_MS + 1000 : this.#random.between(50, 3000);
  }

  /** Reads an event as a client does. */
  #read(json: string): void {
    const { id, type } = JSON.parse(json) as { readonly id?: string; readonly type: EventType };
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

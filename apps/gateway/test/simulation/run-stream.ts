import { admit } from "../../src/access/admit.ts";
import { refuse } from "../../src/access/refusal.ts";
import { jsonFormat } from "../../src/edge/stream/formats/json.ts";
import type { FollowOutcome } from "../../src/follow/follow-hub.ts";
import { WATCHER_STALL_MS } from "../../src/follow/limits.ts";
import { openStream } from "../../src/follow/open-stream.ts";
import type { Sink, WatcherEnd, WatcherHandle } from "../../src/follow/sink.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { API_KEY } from "./agent.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimulatedGateway } from "./simulated-gateway.ts";

/** What a watcher reads of an event. */
export interface SentEvent {
  /** Its position; absent: it has none. */
  readonly id?: string;
  readonly type: string;
}

/** What a watcher hears on a stream. After `ended`, `refused` and `lost` nothing follows. */
export interface StreamEvents {
  /** An event of the run: as it travelled, and as it was read. */
  event(json: string, event: SentEvent): void;
  /** The run's last event was sent before, or had been seen. */
  ended(): void;
  /** There is no such stream. */
  refused(code: string, detail: string): void;
  /** The stream is over for no reason of the run's. */
  lost(): void;
}

/** A watcher's stream of one run, from one gateway. */
export interface RunStream {
  readonly gateway: SimulatedGateway;
  /** The watcher goes. */
  close(): void;
  /** The watcher gives the connection up, with whatever else it carries. */
  abandon(): void;
}

export interface RunStreamParams {
  readonly gateway: SimulatedGateway;
  readonly runId: string;
  readonly after: string | undefined;
  readonly isSlow: boolean;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly events: StreamEvents;
}

/** Opens a stream of one run. It stands for SSE, without its framing. */
export function openRunStream(params: RunStreamParams): RunStream {
  return new DirectStream(params);
}

/**
 * For how long a watcher's socket takes nothing, in virtual ms: if it is slow, now and then longer than a gateway
 * waits.
 */
export function pauseOfReader(random: Random, isSlow: boolean): number {
  if (!isSlow) return random.delayMs(100);
  return random.chance(0.02) ? WATCHER_STALL_MS + 1000 : random.between(50, 3000);
}

/** How often a write fills a watcher's socket. */
export function pauseShare(isSlow: boolean): number {
  return isSlow ? 0.6 : 0.05;
}

class DirectStream implements RunStream {
  readonly gateway: SimulatedGateway;
  readonly #params: RunStreamParams;
  #handle: WatcherHandle | null = null;
  #isOpen = true;

  constructor(params: RunStreamParams) {
    const { gateway, scheduler, random } = params;
    this.gateway = gateway;
    this.#params = params;
    gateway.machine.onDeath(() =>
      scheduler.after(random.delayMs(10), "watcher reset", () => this.#over(() => params.events.lost())),
    );
    scheduler.after(random.delayMs(2), "watcher asks", () => gateway.machine.enter(() => void this.#ask()));
  }

  close(): void {
    const { scheduler, random, gateway } = this.#params;
    this.#isOpen = false;
    scheduler.after(random.delayMs(5), "watcher cut", () => gateway.machine.enter(() => this.#handle?.close()));
  }

  abandon(): void {
    this.close();
  }

  async #ask(): Promise<void> {
    const { events, recorder } = this.#params;
    const outcome = await this.#openStream().catch((error: unknown) => {
      if (!(error instanceof StoreUnavailable)) recorder.fail("bug", String(error));
      return refuse("unavailable", "The store is away.");
    });
    switch (outcome.kind) {
      case "following":
        if (this.#isOpen) this.#handle = outcome.watch(this.#sink());
        return;
      case "at_end":
        return this.#soon(() => this.#over(() => events.ended()));
      case "refused":
        return this.#soon(() => this.#over(() => events.refused(outcome.code, outcome.detail)));
      default:
        outcome satisfies never;
    }
  }

  /** As the stream's route does. */
  async #openStream(): Promise<FollowOutcome> {
    const { runId, after } = this.#params;
    const { assembled } = this.gateway;
    const admission = await admit(assembled, API_KEY, { scopes: ["runs:read"] });
    if (admission.kind === "refused") return admission;
    const deps = { ...assembled.useCases, hub: assembled.hub };
    return openStream(deps, admission.principal, { runId, after });
  }

  #sink(): Sink {
    const { events, random, isSlow, scheduler } = this.#params;
    let isFull = false;
    return {
      isReady: () => !isFull,
      format: jsonFormat,
      write: (batch) => {
        const texts = batch.parts.map((part) => part.toString());
        this.#soon(() => {
          for (const text of texts) events.event(text, JSON.parse(text) as SentEvent);
        });
        if (random.chance(pauseShare(isSlow))) {
          isFull = true;
          scheduler.after(pauseOfReader(random, isSlow), "watcher drains", () =>
            this.gateway.machine.enter(() => {
              isFull = false;
              this.#handle?.drained();
            }),
          );
        }
        return batch.byteLength;
      },
      close: (end) => this.#soon(() => this.#over(() => this.#ended(end))),
    };
  }

  #ended(end: WatcherEnd): void {
    const { events, recorder, runId } = this.#params;
    if (end === "failed") recorder.fail("bug", `a watcher of ${runId} failed`);
    if (end === "ended") events.ended();
    else events.lost();
  }

  #over(tell: () => void): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    tell();
  }

  /** What the gateway says arrives a little later, in order. */
  #soon(run: () => void): void {
    const { scheduler } = this.#params;
    if (this.gateway.machine.mayAct()) scheduler.after(1, "to watcher", () => void (this.#isOpen && run()));
  }
}

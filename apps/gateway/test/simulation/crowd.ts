import type { OutsideInput } from "../../src/core/input.ts";
import type { EventRecord } from "../../src/core/event-record.ts";
import { INPUTS_PER_DRAIN_MAX } from "../../src/ports/limits.ts";
import { isRepeatableTool } from "./agent.ts";
import type { Clients } from "./client.ts";
import { drawnLimits } from "./limited-runs.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import { dataOf } from "./run-history.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Traits } from "./traits.ts";

/** Everything of a flood is sent within so many virtual ms. */
const FLOOD_MS = 4;
/** Floods of one world. Each is as much work as a world without. */
const FLOODS_MAX = 2;

/** When a flood comes: before the run's first step, in the middle of one, or while a call of it is out. */
type FloodMoment = "run.created" | "step.started" | "tool.dispatched";

/** People and programs outside. They start runs, watch them, talk to them, answer their calls and cancel them. */
export class Crowd {
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #clients: Clients;
  readonly #watch: (runId: string) => void;
  readonly #traits: Traits;
  /** For what the traits bring. */
  readonly #traitRandom: Random;
  /** How much they have yet to begin, or wait to be answered on. */
  #pending = 0;
  #floods = 0;
  readonly #floodMoment: FloodMoment;

  constructor(params: {
    readonly scheduler: Scheduler;
    readonly random: Random;
    readonly recorder: Recorder;
    readonly clients: Clients;
    readonly watch: (runId: string) => void;
    readonly traits: Traits;
    readonly traitRandom: Random;
  }) {
    this.#scheduler = params.scheduler;
    this.#random = params.random;
    this.#recorder = params.recorder;
    this.#clients = params.clients;
    this.#watch = params.watch;
    this.#traits = params.traits;
    this.#traitRandom = params.traitRandom;
    this.#floodMoment = this.#traitRandom.pick(["run.created", "step.started", "tool.dispatched", "tool.dispatched"]);
  }

  get isBusy(): boolean {
    return this.#pending > 0;
  }

  /** Starts so many runs, one after another. */
  begin(runs: number): void {
    for (let plan = 1; plan <= runs; plan++) this.#later(this.#random.between(0, 6000), () => this.#play(plan));
  }

  /** Starts one run, watches it, talks to it, and now and then cancels it. */
  async #play(plan: number): Promise<void> {
    const random = this.#random;
    const clients = this.#clients;
    const threadId = random.chance(0.4) ? `thread-${random.whole(1, 2)}` : undefined;
    const deviceKey = `device-${random.whole(0, 2)}`;
    const limits = this.#traits.isLimited ? drawnLimits(this.#traitRandom) : undefined;
    const runId = await clients.start({ input: `plan ${plan}`, threadId, deviceKey, limits });
    if (limits !== undefined) this.#recorder.limits.set(runId, limits);
    for (let count = random.whole(1, 3); count > 0; count--) {
      this.#later(random.chance(0.6) ? 0 : random.between(0, 8000), () => this.#watch(runId));
    }
    for (let count = random.chance(0.3) ? random.whole(1, 3) : 0; count > 0; count--) {
      this.#later(random.between(0, 4000), () => clients.say(runId, `word ${count} to ${plan}`));
    }
    if (random.chance(0.12)) this.#later(random.between(0, 6000), () => clients.cancel(runId));
  }

  /** They do what calls ask of them. Now and then they do something that races with the run's progress. */
  hearFact(runId: string, fact: EventRecord): void {
    const random = this.#random;
    const clients = this.#clients;
    // Somebody follows the children too.
    if (fact.type === "run.created" && dataOf(fact)["parent"] !== undefined && this.#traitRandom.chance(0.4))
      this.#later(this.#traitRandom.delayMs(300), () => this.#watch(runId));
    if (this.#traits.isFlooded && fact.type === this.#floodMoment) this.#maybeFlood(runId, fact);
    if (fact.type === "step.completed" || fact.type === "tool.completed") {
      // A fork has the words of the run that it was forked from, so they name the run.
      const text = `word after ${fact.seq} of ${runId}`;
      if (random.chance(0.05)) this.#later(random.delayMs(2), () => clients.say(runId, text));
      if (random.chance(0.01)) this.#later(random.delayMs(2), () => clients.cancel(runId));
    }
    if (fact.type === "tool.requested") {
      const { callId, toolName } = dataOf(fact) as { callId: string; toolName: string };
      if (!isRepeatableTool(toolName)) this.#recorder.unrepeatable.add(callId);
    }
    if (fact.type === "tool.awaiting_approval") {
      const shown = dataOf(fact) as { callId: string; digest: string };
      this.#later(random.delayMs(300), () => clients.decide(runId, shown));
    }
    if (fact.type === "tool.dispatched") this.#answer(runId, fact);
  }

  /** The report that a device has lost a call may meet a person who answers it by hand. */
  hearInput(runId: string, input: OutsideInput): void {
    if (input.kind !== "dispatch_lost") return;
    const { callId } = input;
    const random = this.#traitRandom;
    if (this.#traits.isFlooded && random.chance(0.5)) return this.#flood(runId, callId);
    if (this.#traits.isHasty && random.chance(0.3))
      this.#later(random.between(0, FLOOD_MS), () => this.#clients.answer(runId, callId, `by hand to ${callId}`));
  }

  #answer(runId: string, fact: EventRecord): void {
    const random = this.#random;
    const clients = this.#clients;
    const { callId, attempt, deadline } = dataOf(fact) as { callId: string; attempt: number; deadline: string | null };
    const target = this.#targetOf(runId, callId);
    if (target !== "external" && !(target === "device" && random.chance(0.05))) return;
    const timeoutMs = deadline === null ? null : Date.parse(deadline) - fact.ts;
    // Some answer at the very moment of the deadline.
    const delayMs =
      timeoutMs !== null && random.chance(0.3) ? timeoutMs + random.between(-20, 20) : random.delayMs(400);
    this.#later(delayMs, () => clients.answer(runId, callId, `answer ${attempt} to ${callId}`));
    if (random.chance(0.2)) this.#later(random.delayMs(400), () => clients.answer(runId, callId, `other to ${callId}`));
    if (this.#traits.isHasty && this.#traitRandom.chance(0.2))
      this.#later(delayMs + this.#traitRandom.between(-4, 4), () => clients.cancel(runId));
  }

  #targetOf(runId: string, callId: string): unknown {
    const requested = this.#recorder
      .history(runId)
      .facts.find((fact) => fact.type === "tool.requested" && dataOf(fact)["callId"] === callId);
    return requested === undefined ? null : dataOf(requested)["target"];
  }

  #maybeFlood(runId: string, fact: EventRecord): void {
    if (fact.type !== "tool.dispatched") {
      if (this.#traitRandom.chance(0.5)) this.#flood(runId, null);
      return;
    }
    const { callId } = dataOf(fact) as { callId: string };
    const target = this.#targetOf(runId, callId);
    if (target === "external" || target === "device") this.#flood(runId, callId);
  }

  /**
   * Sends more at once than one read of an inbox returns. A result comes behind the messages. In half of the cases a
   * cancel is among them.
   */
  #flood(runId: string, callId: string | null): void {
    if (this.#floods >= FLOODS_MAX) return;
    this.#floods += 1;
    const random = this.#traitRandom;
    const clients = this.#clients;
    const flood = this.#floods;
    const beginsIn = callId === null ? random.delayMs(100) : random.between(0, FLOOD_MS);
    for (let count = random.whole(INPUTS_PER_DRAIN_MAX + 1, 2 * INPUTS_PER_DRAIN_MAX); count > 0; count--) {
      const delayMs = beginsIn + random.between(0, FLOOD_MS);
      this.#later(delayMs, () => clients.say(runId, `word ${count} of flood ${flood}`));
    }
    if (callId !== null) {
      const delayMs = beginsIn + random.between(FLOOD_MS / 2, 2 * FLOOD_MS);
      this.#later(delayMs, () => clients.answer(runId, callId, `answer to ${callId} in flood ${flood}`));
    }
    if (random.chance(0.5)) this.#later(beginsIn + random.between(0, 2 * FLOOD_MS), () => clients.cancel(runId));
  }

  #later(delayMs: number, act: () => Promise<void> | void): void {
    this.#pending += 1;
    this.#scheduler.after(delayMs, "a client", () => {
      Promise.resolve(act()).then(
        () => void (this.#pending -= 1),
        (error: unknown) => this.#recorder.fail("bug", String(error)),
      );
    });
  }
}

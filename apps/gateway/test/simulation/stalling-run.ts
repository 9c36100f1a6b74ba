import type { EventRecord } from "../../src/core/event-record.ts";
import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";

/** The plan of the run whose every step keeps its gateway from everything else, in a world that has one. */
const STALLING_PLAN = 1;

/** How often the run that stalls is claimed, at most. Without faults it is six times; parking and faults add to it. */
export const EPOCHS_OF_A_STALLING_RUN_MAX = 60;

/** Keeps the event loop of a gateway before a model's step, if the step belongs to the run that does so. */
export type StallStep = (machine: Machine, plan: number) => Promise<void>;

/** Makes the run of a world that stalls. A stall takes between half of a lease and three leases. */
export function stallingRun(params: {
  readonly random: Random;
  readonly leaseDurationMs: number;
  /** Called before each stall, with the message of the run and its length in virtual ms. */
  readonly onStall: (text: string, ms: number) => void;
}): StallStep {
  const { random, leaseDurationMs, onStall } = params;
  return async (machine, plan) => {
    if (plan !== STALLING_PLAN) return;
    const ms = leaseDurationMs * random.between(0.5, 3);
    onStall(`plan ${STALLING_PLAN}`, ms);
    await machine.burn(ms);
  };
}

/** Whether these facts are those of a run that has stalled. `stallers`: the messages of all that did. */
export function isStallingRun(facts: readonly EventRecord[], stallers: ReadonlySet<string>): boolean {
  const messages = facts.filter(({ type }) => type === "message.user").map(({ payload }) => payload);
  return [...stallers].some((text) => messages.some((payload) => payload.includes(JSON.stringify(text))));
}

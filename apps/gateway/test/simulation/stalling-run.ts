import type { UserMessage } from "@hsafa/protocol";
import type { EventRecord } from "../../src/core/event-record.ts";
import type { Machine } from "./machine.ts";
import { planIn } from "./plan-in.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import { dataOf, type RunHistory } from "./run-history.ts";

/** The plan of the run whose every step keeps its gateway from everything else, in a world that has one. */
const STALLING_PLAN = 1;

const textOfPlan = (plan: number): string => `plan ${plan}`;

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
    onStall(textOfPlan(STALLING_PLAN), ms);
    await machine.burn(ms);
  };
}

/**
 * Whether this run may have stalled a gateway. Either one of its messages stalls. Or it names no plan, and goes on with
 * one of its thread that stalls: so does a fork with other words.
 */
export function isStallingRun({ runs, stallers }: Pick<Recorder, "runs" | "stallers">, { facts }: RunHistory): boolean {
  const own = messagesOf(facts);
  if (own.some(({ content }) => [...stallers].some((text) => JSON.stringify(content).includes(JSON.stringify(text)))))
    return true;
  const [first] = own;
  if (first !== undefined && planIn(first) !== null) return false;
  const seen = seenBy(facts).flatMap((runId) => messagesOf(runs.get(runId)?.facts ?? []));
  const plan = seen.map(planIn).findLast((named) => named !== null);
  return plan !== undefined && stallers.has(textOfPlan(plan));
}

/** The runs of its thread that a run sees, the first of them first. */
function seenBy(facts: readonly EventRecord[]): readonly string[] {
  const started = facts.find(({ type }) => type === "run.started");
  return started === undefined ? [] : (dataOf(started)["historyRunIds"] as readonly string[]);
}

function messagesOf(facts: readonly EventRecord[]): UserMessage[] {
  return facts.filter(({ type }) => type === "message.user").map((fact) => dataOf(fact)["message"] as UserMessage);
}

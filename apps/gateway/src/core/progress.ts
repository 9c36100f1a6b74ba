import type { Fact, FactType } from "@hsafa/protocol";

/**
 * Facts that show that the work itself went on, so that a run which kept losing its gateways is not given up for that.
 * What a claim decides by itself (recovered, resumed, discarded, a step or a repeatable tool begun again) is no
 * progress: a run that kills whoever takes it would commit these for ever. Nor is what comes from outside, such as a
 * message.
 */
const IS_PROGRESS: Readonly<Record<FactType, boolean>> = {
  "run.created": false,
  "run.started": false,
  "run.recovered": false,
  "run.resumed": false,
  "run.waiting": true,
  "run.retrying": true,
  "run.completed": true,
  "run.failed": true,
  "run.canceled": true,
  "message.user": false,
  "step.started": false,
  "step.completed": true,
  "step.discarded": false,
  "tool.requested": false,
  "tool.awaiting_approval": false,
  "tool.approved": false,
  "tool.denied": true,
  "tool.dispatched": false,
  "tool.completed": true,
  "tool.failed": true,
  "tool.expired": true,
};

/** Whether these facts got their run any further: the count of its recoveries then begins anew. */
export function showsProgress(facts: readonly Pick<Fact, "type">[]): boolean {
  return facts.some((fact) => IS_PROGRESS[fact.type]);
}

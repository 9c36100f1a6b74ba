import type { Fact, FactType } from "@hsafa/protocol";

/**
 * Which facts show that the work itself went on. A run that goes on is not given up, however many gateways it lost.
 * What a claim decides by itself is no progress: recovered, resumed, discarded, a step or a repeatable tool begun
 * again. A run that kills every gateway that takes it would commit these for ever. Nor is what comes from outside
 * progress, such as a message.
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
  "run.merged": true,
  "message.user": false,
  "step.started": false,
  "step.completed": true,
  "step.discarded": false,
  "step.reused": false,
  "tool.reused": false,
  "tool.requested": false,
  "tool.awaiting_approval": false,
  "tool.approved": false,
  "tool.denied": true,
  "tool.dispatched": false,
  "tool.completed": true,
  "tool.failed": true,
  "tool.expired": true,
  "child.ended": false,
};

/** Whether these facts show progress: the count of the run's recoveries then begins anew. */
export function showsProgress(facts: readonly Pick<Fact, "type">[]): boolean {
  return facts.some((fact) => IS_PROGRESS[fact.type]);
}

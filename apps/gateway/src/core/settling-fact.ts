import type { Fact, FactType } from "@hsafa/protocol";

/** Which facts settle a tool call (R7). A table of all of them, so that the compiler asks about an added one. */
const SETTLES = {
  "run.created": false,
  "run.started": false,
  "run.recovered": false,
  "run.resumed": false,
  "run.waiting": false,
  "run.retrying": false,
  "run.completed": false,
  "run.failed": false,
  "run.canceled": false,
  "run.merged": false,
  "message.user": false,
  "step.started": false,
  "step.completed": false,
  "step.reused": false,
  "step.discarded": false,
  // It settles no call of this run: nobody has it to execute.
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
} as const satisfies Record<FactType, boolean>;

type SettlingType = { [T in FactType]: (typeof SETTLES)[T] extends true ? T : never }[FactType];

/** A fact that settles a tool call. */
export type SettlingFact = Extract<Fact, { type: SettlingType }>;

/** Whether this fact settles a tool call: nothing that comes for the call later counts (R7). */
export function isSettling(fact: Fact): fact is SettlingFact {
  return SETTLES[fact.type];
}

import type { DiscardReason, Fact, Failure } from "@hsafa/protocol";
import { canceledCall } from "./call-facts.ts";
import { openCallsOf, type RunState } from "./run-state.ts";

/** How a run ends before its model has finished: an open step is closed and every open call settled, then the end. */

/** A cancel's end; `partial` is the text of the step that it cuts short. */
export function canceledEnd(state: RunState, reason: string | null, partial: string | undefined): Fact[] {
  const end: Fact = { type: "run.canceled", data: { reason, usage: state.run.usage } };
  return state.phase === "stepping"
    ? [discardedStep(state.step, "cancel", partial), end]
    : [...openCallsOf(state.run).map(canceledCall), end];
}

/** A failure's end. */
export function failedEnd(state: RunState, error: Failure): Fact[] {
  const end: Fact = { type: "run.failed", data: { error, usage: state.run.usage } };
  return state.phase === "stepping"
    ? [discardedStep(state.step, "error"), end]
    : [...openCallsOf(state.run).map(canceledCall), end];
}

/** An open step is closed without a result; `partial` is its text so far, if it is kept. */
export function discardedStep(step: number, reason: DiscardReason, partial?: string): Fact {
  return { type: "step.discarded", data: { step, reason, ...(partial === undefined ? {} : { partial }) } };
}

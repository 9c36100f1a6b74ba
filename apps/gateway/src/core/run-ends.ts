import {
  type DiscardReason,
  type Fact,
  type Failure,
  type FinishReason,
  isWholeAnswer,
  type LeftOut,
} from "@hsafa/protocol";
import { canceledCall, canceledSleep } from "./call-facts.ts";
import { type Call, isSleep, openCallsOf, type RunState } from "./run-state.ts";

/** How a run ends before its model has finished: an open step is closed and every open call settled, then the end. */

/** A cancel's end; `partial` is the text of the step that it cuts short. */
export function canceledEnd(state: RunState, reason: string | null, partial: string | undefined): Fact[] {
  const end: Fact = { type: "run.canceled", data: { reason, usage: state.run.usage } };
  return state.phase === "stepping"
    ? [discardedStep(state.step, "cancel", partial === undefined ? {} : { partial }), end]
    : [...openCallsOf(state.run).map(canceled), end];
}

/** A failure's end. `shown`: what the model was not shown in the step that failed, if it was one. */
export function failedEnd(state: RunState, error: Failure, shown: Shown = {}): Fact[] {
  const end: Fact = { type: "run.failed", data: { error, usage: state.run.usage } };
  return state.phase === "stepping"
    ? [discardedStep(state.step, "error", leftOutOf(shown)), end]
    : [...openCallsOf(state.run).map(canceled), end];
}

function canceled(call: Call): Fact {
  const isDispatched = call.phase.kind === "dispatched";
  return isDispatched && isSleep(call) ? canceledSleep(call) : canceledCall(call, isDispatched);
}

/** The end of a run whose model has had its last word. An answer that is not whole counts as the agent says. */
export function answeredEnd({ run }: RunState): Fact {
  const { output, usage, finishReason, config } = run;
  const reason = finishReason === null ? {} : { finishReason };
  if (finishReason === null || isWholeAnswer(finishReason) || config.onIncomplete === "complete") {
    return { type: "run.completed", data: { output, usage, ...reason } };
  }
  const error = { code: "answer_incomplete", message: `${incompleteReason(finishReason)} The agent fails on that.` };
  return { type: "run.failed", data: { error, usage, ...reason } };
}

/** How an answer that is not whole ended, for a person and a model. */
export function incompleteReason(finishReason: FinishReason): string {
  switch (finishReason) {
    case "length":
      return "The model's answer was cut at its token limit.";
    case "content-filter":
      return "The model's answer was cut or taken back by a content filter.";
    case "error":
      return "The model's answer ended with an error.";
    case "other":
      return "The model's answer ended for a reason that is not known.";
    case "stop":
    case "tool-calls":
      return "The model's answer is whole.";
    default:
      return finishReason satisfies never;
  }
}

/** An open step is closed without a result; `partial` is its text so far, if it is kept. */
export function discardedStep(
  step: number,
  reason: DiscardReason,
  more: { readonly partial?: string; readonly leftOut?: LeftOut[] } = {},
): Fact {
  return { type: "step.discarded", data: { step, reason, ...more } };
}

interface Shown {
  readonly leftOut?: readonly LeftOut[];
}

/** What a fact says of what the model was not shown; nothing if it was shown everything. */
export function leftOutOf({ leftOut = [] }: Shown): { readonly leftOut?: LeftOut[] } {
  return leftOut.length === 0 ? {} : { leftOut: [...leftOut] };
}

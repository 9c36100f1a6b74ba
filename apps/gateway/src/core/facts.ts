import {
  type AgentConfig,
  type DiscardReason,
  type Fact,
  type Failure,
  type ToolConfig,
  timeoutMsOf,
} from "@hsafa/protocol";
import type { ModelFailure } from "./input.ts";
import { type Call, openCallsOf, type RunState } from "./state.ts";

/** The facts that more than one rule decides, in one wording. */

/** When a call dispatched at `now` is overdue; null: never. */
export function deadlineOf(config: AgentConfig, tool: ToolConfig, now: number): number | null {
  const timeoutMs = timeoutMsOf(config, tool);
  return timeoutMs === null ? null : now + timeoutMs;
}

/** A cancel's end; `partial` is the text of the step it cuts short. */
export function canceledEnd(state: RunState, reason: string | null, partial: string | undefined): Fact[] {
  const end: Fact = { type: "run.canceled", data: { reason, usage: state.run.usage } };
  return state.phase === "stepping" ? [discarded(state.step, "cancel", partial), end] : [...canceledCalls(state), end];
}

/** A failure's end. */
export function failedEnd(state: RunState, error: Failure): Fact[] {
  const end: Fact = { type: "run.failed", data: { error, usage: state.run.usage } };
  return state.phase === "stepping" ? [discarded(state.step, "error"), end] : [...canceledCalls(state), end];
}

function canceledCalls(state: RunState): Fact[] {
  return openCallsOf(state.run).map(canceledCall);
}

export function dispatched(callId: string, attempt: number, deadline: number | null, deviceId?: string): Fact {
  return {
    type: "tool.dispatched",
    data: {
      callId,
      attempt,
      ...(deviceId === undefined ? {} : { deviceId }),
      deadline: deadline === null ? null : isoTime(deadline),
    },
  };
}

export function outcomeUnknown({ callId, toolName }: Call): Fact {
  const message =
    "The call was under way when its executor was lost. It may or may not have taken effect, and the tool does not say that it can be repeated.";
  return { type: "tool.failed", data: { callId, toolName, error: { code: "outcome_unknown", message } } };
}

export function canceledCall({ callId, toolName }: Pick<Call, "callId" | "toolName">): Fact {
  const error = { code: "canceled", message: "The run ended before the tool answered." };
  return { type: "tool.failed", data: { callId, toolName, error } };
}

export function discarded(step: number, reason: DiscardReason, partial?: string): Fact {
  return { type: "step.discarded", data: { step, reason, ...(partial === undefined ? {} : { partial }) } };
}

export function modelError(failure: ModelFailure): Failure {
  return { code: `model_${failure.kind}`, message: failure.message };
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

import type { Fact } from "@hsafa/protocol";
import { isoTime } from "./iso-time.ts";
import type { Call } from "./run-state.ts";

/** The facts about a tool call that more than one rule decides, each worded once. */

type ToolFailed = Extract<Fact, { type: "tool.failed" }>;
type CallName = Pick<Call, "callId" | "toolName">;

/**
 * A call goes out. `deadline` in ms; null: as long as it takes. `deviceId`: the one device that may take it, if it is
 * known already.
 */
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

/** The call may have taken effect, nobody knows, and it is not repeated. `reason`: a sentence without its full stop. */
export function outcomeUnknown(
  { callId, toolName }: CallName,
  reason = "The call was under way when its executor was lost",
): ToolFailed {
  const message = `${reason}. The call may or may not have taken effect.`;
  return { type: "tool.failed", data: { callId, toolName, error: { code: "outcome_unknown", message } } };
}

/** The run ends while the call is open. */
export function canceledCall({ callId, toolName }: CallName): ToolFailed {
  const error = { code: "canceled", message: "The run ended before the tool answered." };
  return { type: "tool.failed", data: { callId, toolName, error } };
}

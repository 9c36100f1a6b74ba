import type { Fact, StartedChild } from "@hsafa/protocol";
import { MAY_HAVE_HAPPENED, NEVER_SENT, NO_ANSWER_IN_TIME, unknownError } from "./expiry-error.ts";
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

/** A child takes the call, until this time in ms. */
export function takenByChild(
  callId: string,
  child: StartedChild,
  deadline: number | null,
): Extract<Fact, { type: "tool.dispatched" }> {
  const until = deadline === null ? null : isoTime(deadline);
  return { type: "tool.dispatched", data: { callId, attempt: 1, deadline: until, child } };
}

/** The run sleeps until this time, in ms. */
export function asleep(callId: string, until: number): Extract<Fact, { type: "tool.dispatched" }> {
  return { type: "tool.dispatched", data: { callId, attempt: 1, deadline: isoTime(until), sleeps: true } };
}

/** The run wakes from a sleep, in ms. */
export function awake({ callId, toolName }: CallName, now: number): Extract<Fact, { type: "tool.completed" }> {
  const result = { wokeAt: isoTime(now) };
  return { type: "tool.completed", data: { callId, toolName, result, source: "server" } };
}

/** The run ends while it sleeps. */
export function canceledSleep({ callId, toolName }: CallName): ToolFailed {
  const error = { code: "canceled", message: "The run ended while it slept." };
  return { type: "tool.failed", data: { callId, toolName, error } };
}

/** The call may have taken effect, nobody knows, and it is not repeated. `reason`: a sentence without its full stop. */
export function outcomeUnknown(
  { callId, toolName }: CallName,
  reason = "The call was under way when its executor was lost",
): ToolFailed {
  return { type: "tool.failed", data: { callId, toolName, error: unknownError(reason) } };
}

/** The call's time is over. `hasLeft`: it was given to its executor, or may have been. */
export function expired({ callId, toolName }: CallName, hasLeft: boolean): Extract<Fact, { type: "tool.expired" }> {
  const error = hasLeft
    ? unknownError(NO_ANSWER_IN_TIME)
    : { code: "not_executed", message: "The call expired before anybody took it. It was not executed." };
  return { type: "tool.expired", data: { callId, toolName, error } };
}

/** The run ends while the call is open. `isDispatched`: it may have been given to its executor. */
export function canceledCall({ callId, toolName }: CallName, isDispatched: boolean): ToolFailed {
  const message = isDispatched ? `The run ended before the tool answered. ${MAY_HAVE_HAPPENED}` : NEVER_SENT;
  return { type: "tool.failed", data: { callId, toolName, error: { code: "canceled", message } } };
}

import { type Fact, isRepeatable, targetOf } from "@hsafa/protocol";
import {
  canceledEnd,
  deadlineOf,
  discarded,
  dispatched,
  failedEnd,
  modelError,
  outcomeUnknown,
  isoTime,
} from "./facts.ts";
import type { RequestedCall, RunInput } from "./input.ts";
import { proceed } from "./proceed.ts";
import { decideRetry } from "./retry.ts";
import { type Call, isInHouse, type LiveState as Live, openCallsOf, type RunState } from "./state.ts";

/**
 * The rules of a run (R1): what happens because of an input.
 *
 * 1. An ended run decides nothing more (R6).
 * 2. While a step is open, no fact comes between its `step.started` and the one fact that closes it (R2; a new holder's
 *    `run.recovered` excepted, since the deltas of the old one are over by then): whoever asks `mayTell` first keeps
 *    this.
 * 3. A call settles once: what comes for a settled call decides nothing (R7).
 * 4. An end settles every open call and closes an open step before the terminal fact.
 */
export function decide(state: RunState, input: RunInput, now: number): readonly Fact[] {
  if (state.phase === "ended") return [];
  if (!mayTell(state, input)) throw new Error(`A run in phase ${state.phase} cannot be told '${input.kind}'.`);
  switch (input.kind) {
    case "claimed":
      return claimed(state, input, now);
    case "message":
      return [{ type: "message.user", data: { message: input.message } }];
    case "tool_result":
      return toolResult(state, input);
    case "approval":
      return approval(state, input);
    case "cancel":
      return canceledEnd(state, input.reason, input.partial);
    case "dispatch_lost":
      return dispatchLost(state, input, now);
    case "step_finished":
      return stepFinished(state, input);
    case "step_failed":
      return stepFailed(state, input, now);
    case "server_tool_finished":
      return serverToolFinished(state, input);
    case "handover":
      return state.phase === "stepping" ? [discarded(state.step, "handover")] : [];
    case "proceed":
      return proceed(state, input, now);
    default:
      return input satisfies never;
  }
}

/**
 * Whether an input can be told in this state. While a step is open only what closes it can; everything else waits in
 * the inbox.
 */
export function mayTell(state: RunState, input: RunInput): boolean {
  switch (input.kind) {
    case "step_finished":
    case "step_failed":
      return state.phase === "stepping" || state.phase === "ended";
    case "claimed":
    case "cancel":
    case "handover":
    case "proceed":
      return true;
    case "message":
    case "tool_result":
    case "approval":
    case "dispatch_lost":
    case "server_tool_finished":
      return state.phase !== "stepping";
    default:
      return input satisfies never;
  }
}

type InputOf<K extends RunInput["kind"]> = Extract<RunInput, { kind: K }>;

function claimed(state: Live, input: InputOf<"claimed">, now: number): Fact[] {
  const { epoch, lost } = input;
  if (state.phase === "created")
    return [{ type: "run.started", data: { epoch, historyRunIds: [...input.historyRunIds] } }];
  const facts: Fact[] = [];
  if (lost) facts.push({ type: "run.recovered", data: { epoch } });
  // Handed over in the middle of its work; a parked or backing-off run resumes when `proceed` finds cause.
  else if (state.phase !== "waiting" && state.phase !== "retrying")
    facts.push({ type: "run.resumed", data: { epoch } });
  if (state.phase === "stepping") facts.push(discarded(state.step, lost ? "crash" : "handover"));
  for (const call of openCallsOf(state.run)) {
    // Whoever performed it is gone, and nobody knows how far it came.
    if (isInHouse(call)) facts.push(again(state, call, now));
  }
  return facts;
}

/**
 * A call whose outcome is unknown: done again if that is harmless, else settled as unknown. `now` is when a server's
 * repetition begins.
 */
function again(state: Live, call: Call, now: number): Fact {
  const { callId, tool, phase } = call;
  if (phase.kind !== "dispatched" || tool === null || !isRepeatable(tool)) return outcomeUnknown(call);
  // A device's deadline runs from the first dispatch, whichever device answers in the end; a server begins anew.
  const deadline = call.target === "server" ? deadlineOf(state.run.config, tool, now) : phase.dispatch.deadline;
  return dispatched(callId, phase.dispatch.attempt + 1, deadline);
}

function toolResult(state: Live, input: InputOf<"tool_result">): Fact[] {
  const call = state.run.calls.get(input.callId);
  // A server's call is answered by the server alone.
  if (call === undefined || call.phase.kind !== "dispatched" || call.target === "server") return [];
  return [answered(call, input)];
}

function serverToolFinished(state: Live, input: InputOf<"server_tool_finished">): Fact[] {
  const call = state.run.calls.get(input.callId);
  if (call === undefined || call.phase.kind !== "dispatched" || call.phase.dispatch.attempt !== input.attempt)
    return [];
  return [answered(call, { outcome: input.outcome, source: "server", deviceId: null })];
}

function answered(call: Call, answer: Pick<InputOf<"tool_result">, "outcome" | "source" | "deviceId">): Fact {
  const { callId, toolName } = call;
  const from = { source: answer.source, ...(answer.deviceId === null ? {} : { deviceId: answer.deviceId }) };
  return answer.outcome.kind === "completed"
    ? { type: "tool.completed", data: { callId, toolName, result: answer.outcome.result, ...from } }
    : { type: "tool.failed", data: { callId, toolName, error: answer.outcome.error, ...from } };
}

function approval(state: Live, input: InputOf<"approval">): Fact[] {
  const call = state.run.calls.get(input.callId);
  if (call?.phase.kind !== "awaiting_approval") return [];
  const { callId, toolName } = call;
  return input.approved
    ? [{ type: "tool.approved", data: { callId, by: input.by } }]
    : [{ type: "tool.denied", data: { callId, toolName, reason: input.reason } }];
}

function dispatchLost(state: Live, input: InputOf<"dispatch_lost">, now: number): Fact[] {
  const call = state.run.calls.get(input.callId);
  if (call?.phase.kind !== "dispatched" || call.phase.dispatch.attempt !== input.attempt) return [];
  if (call.target !== "device" && call.target !== "browser") return [];
  return [again(state, call, now)];
}

function stepFinished(state: Live, input: InputOf<"step_finished">): Fact[] {
  if (state.phase !== "stepping") return [];
  const { step } = state;
  const { finishReason, usage } = input;
  return [
    { type: "step.completed", data: { step, finishReason, messages: [...input.messages], usage } },
    ...input.calls.flatMap((call) => requested(state, step, call)),
  ];
}

function requested(state: Live, step: number, call: RequestedCall): Fact[] {
  const { callId, toolName, args, invalid } = call;
  const tool = state.run.config.tools.find((candidate) => candidate.name === toolName);
  // A tool that does not exist is answered by the server, at once.
  const target = tool === undefined ? "server" : targetOf(tool);
  const fact: Fact = { type: "tool.requested", data: { callId, toolName, args, target, step } };
  return invalid === null ? [fact] : [fact, { type: "tool.failed", data: { callId, toolName, error: invalid } }];
}

function stepFailed(state: Live, input: InputOf<"step_failed">, now: number): Fact[] {
  if (state.phase !== "stepping") return [];
  const attempt = state.run.failedAttempts + 1;
  const { maxAttempts } = state.run.config.retry;
  const error = modelError(input.failure);
  const retry = decideRetry({ failure: input.failure, attempt, maxAttempts, jitter: input.jitter });
  if (retry.kind === "give_up") return failedEnd(state, error);
  return [
    discarded(state.step, "error"),
    { type: "run.retrying", data: { attempt, error, nextAt: isoTime(now + retry.delayMs) } },
  ];
}

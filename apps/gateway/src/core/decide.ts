/**
 * The rules of a run (R1): the facts that follow from an input.
 *
 * 1. An ended run decides nothing more (R6).
 * 2. While a step is open, no fact comes between its `step.started` and the one fact that closes it (R2). Callers keep
 *    this by asking `mayTell` first. The exception is a new holder's `run.recovered`: by then the deltas of the former
 *    holder are over.
 * 3. A call settles once: what comes for a settled call decides nothing (R7).
 * 4. An end settles every open call and closes an open step before the terminal fact (`run-ends.ts`).
 */
import { type Fact, type Failure, isRepeatable, targetOf } from "@hsafa/protocol";
import { dispatched, outcomeUnknown } from "./call-facts.ts";
import { dispatchDeadline } from "./deadline.ts";
import { decideRetry } from "./decide-retry.ts";
import type { ModelFailure, RequestedCall, RunInput } from "./input.ts";
import { isoTime } from "./iso-time.ts";
import { CONTEXT_TOKENS_LEAST, CONTEXT_TRIES_MAX, SERVER_TOOL_ATTEMPTS_MAX } from "./limits.ts";
import { proceed } from "./proceed.ts";
import { decideRefusal, refusedError } from "./decide-refusal.ts";
import { canceledEnd, discardedStep, failedEnd, leftOutOf } from "./run-ends.ts";
import {
  type Call,
  childAgentOf,
  isForDevice,
  isHeldCall,
  isInHouse,
  type LiveState,
  openCallsOf,
  type RunState,
} from "./run-state.ts";
import { restOf } from "./withheld-below.ts";

/**
 * Returns the facts that follow from an input, in order; none if it changes nothing. `now` is the database's time, in
 * ms. Throws if the input cannot be told in this state (`mayTell`).
 */
export function decide(state: RunState, input: RunInput, now: number): readonly Fact[] {
  if (state.phase === "ended") return []; // 1.
  // 2.
  if (!mayTell(state, input)) throw new Error(`A run in phase ${state.phase} cannot be told '${input.kind}'.`);
  switch (input.kind) {
    case "claimed":
      return claimed(state, input, now);
    case "message":
      return [{ type: "message.user", data: { message: input.message } }];
    case "steer":
      return steered(input);
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
    case "summary_due":
      return state.phase === "stepping" ? [summaryDue(state.step, input.throughRunId)] : [];
    case "server_tool_finished":
      return serverToolFinished(state, input);
    case "handover":
      return state.phase === "stepping" ? [discardedStep(state.step, "handover")] : [];
    case "proceed":
      return proceed(state, input, now);
    default:
      return input satisfies never;
  }
}

/**
 * Whether an input can be told in this state. While a step is open, only what closes it can (2.); everything else waits
 * in the inbox.
 */
export function mayTell(state: RunState, input: RunInput): boolean {
  switch (input.kind) {
    case "step_finished":
    case "step_failed":
    case "summary_due":
      return state.phase === "stepping" || state.phase === "ended";
    case "claimed":
    case "cancel":
    case "handover":
    case "proceed":
      return true;
    case "message":
    case "steer":
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

function claimed(state: LiveState, input: InputOf<"claimed">, now: number): Fact[] {
  const { epoch, lost } = input;
  if (state.phase === "created") {
    const { steps, reruns } = state.run;
    return [
      { type: "run.started", data: { epoch, historyRunIds: [...input.historyRunIds] } },
      ...reruns.flatMap(({ callId, toolName, args }) =>
        requested(state, steps, { callId, toolName, args, invalid: null }),
      ),
    ];
  }
  const facts: Fact[] = [];
  if (lost) facts.push({ type: "run.recovered", data: { epoch } });
  // The run was handed over in the middle of its work. A parked run, or one that waits for its next attempt, resumes
  // when `proceed` finds cause.
  else if (state.phase !== "waiting" && state.phase !== "retrying")
    facts.push({ type: "run.resumed", data: { epoch } });
  if (state.phase === "stepping") facts.push(discardedStep(state.step, lost ? "crash" : "handover"));
  for (const call of openCallsOf(state.run)) {
    // The gateway that performed it is gone, and nobody knows how far it came.
    if (isInHouse(call)) facts.push(dispatchedAgain(state, call, now));
  }
  return facts;
}

function steered({ runId, messages, isGone }: InputOf<"steer">): Fact[] {
  if (isGone === true) return [];
  return messages.map((message): Fact => ({ type: "message.user", data: { message, mergedRunId: runId } }));
}

/** What becomes of a call whose outcome is unknown: it is repeated if that is harmless, else settled as unknown. */
function dispatchedAgain(state: LiveState, call: Call, now: number): Fact {
  const { callId, tool, phase } = call;
  if (phase.kind !== "dispatched" || tool === null || !isRepeatable(tool)) return outcomeUnknown(call);
  // A device call keeps the deadline of its first dispatch, whichever device answers in the end. A server call begins
  // anew.
  const deadline = call.target === "server" ? dispatchDeadline(state.run.config, tool, now) : phase.dispatch.deadline;
  return dispatched(callId, phase.dispatch.attempt + 1, deadline);
}

function toolResult(state: LiveState, input: InputOf<"tool_result">): Fact[] {
  const call = state.run.calls.get(input.callId);
  const ended = childEnded(state, input);
  if (call === undefined || call.phase.kind !== "dispatched") return ended;
  // 3. And a server's call is settled by the server alone, and a child's by the child.
  if (call.target === "server" && (childAgentOf(call) === null || input.child?.runId !== call.callId)) return ended;
  return [...ended, settled(call, input)];
}

/** The end of a child is told once, also if something else has settled its call: what it spent and leaves counts. */
function childEnded(state: LiveState, { callId, child }: InputOf<"tool_result">): Fact[] {
  const open = child === undefined ? undefined : state.run.openChildren.get(child.runId);
  if (child === undefined || open === undefined) return [];
  const { runId: childRunId, status, usage, withheld: told } = child;
  const withheld = told === "unknown" ? restOf(open.limits, usage) : told;
  const isNothing = withheld === undefined || Object.keys(withheld).length === 0;
  return [{ type: "child.ended", data: { callId, childRunId, status, usage, ...(isNothing ? {} : { withheld }) } }];
}

function serverToolFinished(state: LiveState, input: InputOf<"server_tool_finished">): Fact[] {
  const call = state.run.calls.get(input.callId);
  // 3. And no gateway executes a sleep or a child.
  if (call?.phase.kind !== "dispatched" || call.phase.dispatch.attempt !== input.attempt || !isHeldCall(call))
    return [];
  const { outcome } = input;
  if (outcome.kind !== "unknown") return [settled(call, { outcome, source: "server", deviceId: null })];
  const { attempt, deadline } = call.phase.dispatch;
  // The deadline bounds all attempts together.
  if (call.tool !== null && isRepeatable(call.tool) && attempt < SERVER_TOOL_ATTEMPTS_MAX)
    return [dispatched(call.callId, attempt + 1, deadline)];
  return [
    outcomeUnknown(
      call,
      attempt === 1 ? outcome.reason : `${outcome.reason}, at attempt ${attempt} of ${SERVER_TOOL_ATTEMPTS_MAX}`,
    ),
  ];
}

function settled(call: Call, result: Pick<InputOf<"tool_result">, "outcome" | "source" | "deviceId">): Fact {
  const { callId, toolName } = call;
  const { outcome, source, deviceId } = result;
  const from = { source, ...(deviceId === null ? {} : { deviceId }) };
  return outcome.kind === "completed"
    ? { type: "tool.completed", data: { callId, toolName, result: outcome.result, ...from } }
    : { type: "tool.failed", data: { callId, toolName, error: outcome.error, ...from } };
}

function approval(state: LiveState, input: InputOf<"approval">): Fact[] {
  const call = state.run.calls.get(input.callId);
  if (call?.phase.kind !== "awaiting_approval") return []; // 3.
  const { callId, toolName } = call;
  const { by, keyId, subject, digest } = input;
  // It is about something else than what was asked.
  if (digest !== undefined && digest !== call.approval?.digest) return [];
  const decided = {
    by,
    ...(keyId === undefined ? {} : { keyId }),
    ...(subject === undefined ? {} : { subject }),
    ...(digest === undefined ? {} : { digest }),
  };
  return input.approved
    ? [{ type: "tool.approved", data: { callId, ...decided } }]
    : [{ type: "tool.denied", data: { callId, toolName, reason: input.reason, ...decided } }];
}

function dispatchLost(state: LiveState, input: InputOf<"dispatch_lost">, now: number): Fact[] {
  const call = state.run.calls.get(input.callId);
  if (call?.phase.kind !== "dispatched" || call.phase.dispatch.attempt !== input.attempt) return [];
  return isForDevice(call.target) ? [dispatchedAgain(state, call, now)] : [];
}

function stepFinished(state: LiveState, input: InputOf<"step_finished">): Fact[] {
  if (state.phase !== "stepping") return [];
  const { step } = state;
  const { finishReason, usage, sent, sources = [], citations = [] } = input;
  const data = { step, finishReason, messages: [...input.messages], usage, ...leftOutOf(input) };
  const estimated = sent === undefined ? {} : { estimatedInputTokens: sent.tokens };
  const found = {
    ...(sources.length === 0 ? {} : { sources: [...sources] }),
    ...(citations.length === 0 ? {} : { citations: [...citations] }),
  };
  return [
    { type: "step.completed", data: { ...data, ...estimated, ...found, ...saidOf(input) } },
    ...input.calls.flatMap((call) => requested(state, step, call)),
  ];
}

/** What else a finished step says of itself. */
function saidOf({ summary, outputFault, paused, firstPartMs }: InputOf<"step_finished">) {
  return {
    ...(summary === undefined ? {} : { summary }),
    ...(outputFault === undefined ? {} : { outputFault }),
    ...(paused === undefined ? {} : { paused }),
    ...(firstPartMs === undefined ? {} : { firstPartMs }),
  };
}

function requested(state: LiveState, step: number, call: RequestedCall): Fact[] {
  const { callId, toolName, args, invalid } = call;
  const tool = state.run.config.tools.find((candidate) => candidate.name === toolName);
  // A call of a tool that does not exist is settled by the server, at once.
  const target = tool === undefined ? "server" : targetOf(tool);
  const fact: Fact = { type: "tool.requested", data: { callId, toolName, args, target, step } };
  return invalid === null ? [fact] : [fact, { type: "tool.failed", data: { callId, toolName, error: invalid } }];
}

function stepFailed(state: LiveState, input: InputOf<"step_failed">, now: number): Fact[] {
  if (state.phase !== "stepping") return [];
  const { failedAttempts, loadingAttempts, loadingSince, config } = state.run;
  const attempt = failedAttempts + 1;
  const error = modelError(input.failure);
  // Without the summary the run goes on all the same, and shows less of its thread.
  if (state.summarizesThrough !== null)
    return [{ type: "step.discarded", data: { step: state.step, reason: "error", error } }];
  if (input.failure.refusesConversation === true) {
    const refusal = decideRefusal(state.run);
    if (refusal.kind === "give_up") return failedEnd(state, refusedError(error, refusal.refused), input);
    const { history } = refusal;
    return [
      { type: "step.discarded", data: { step: state.step, reason: "refused", error, history, ...leftOutOf(input) } },
    ];
  }
  if (input.failure.kind === "context_exceeded") return contextExceeded(state, input, error);
  const retry = decideRetry({
    failure: input.failure,
    attempt,
    loadingAttempts,
    loadingForMs: loadingSince === null ? 0 : now - loadingSince,
    retry: config.retry,
    jitter: input.jitter,
  });
  if (retry.kind === "give_up") return failedEnd(state, error, input);
  const loading = retry.isLoading ? { loading: true as const } : {};
  return [
    discardedStep(state.step, "error", leftOutOf(input)),
    { type: "run.retrying", data: { attempt, error, nextAt: isoTime(now + retry.delayMs), ...loading } },
  ];
}

/**
 * A conversation that is too long is shown again with half as much. The last try shows the run alone: it must not fail
 * for its thread. Nothing is learnt from that one.
 */
function contextExceeded(
  state: Extract<LiveState, { phase: "stepping" }>,
  input: InputOf<"step_failed">,
  error: Failure,
): Fact[] {
  const { config, contextTries } = state.run;
  const { sent } = input;
  const isLast = contextTries === CONTEXT_TRIES_MAX - 1;
  if (sent === undefined || sent.isLeast || config.history.overflow === "fail" || contextTries >= CONTEXT_TRIES_MAX)
    return failedEnd(state, error, input);
  const contextTokensMax = isLast
    ? CONTEXT_TOKENS_LEAST
    : Math.max(CONTEXT_TOKENS_LEAST + 1, Math.floor(sent.tokens / 2));
  const data = { step: state.step, reason: "error" as const, error, contextTokensMax };
  return [{ type: "step.discarded", data: { ...data, ...leftOutOf(input) } }];
}

function summaryDue(step: number, summarizesThrough: string): Fact {
  return { type: "step.discarded", data: { step, reason: "history", summarizesThrough } };
}

function modelError({ kind, message }: ModelFailure): Failure {
  const isOwn = kind === "quota_exceeded" || kind === "price_unknown";
  return { code: isOwn ? kind : `model_${kind}`, message };
}

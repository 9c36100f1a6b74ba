import { type Fact, isRepeatable, type ToolConfig } from "@hsafa/protocol";
import { dispatched, outcomeUnknown } from "./call-facts.ts";
import { dispatchDeadline, isOverdue } from "./deadline.ts";
import { evolve } from "./evolve.ts";
import type { DispatchStatus, RunInput } from "./input.ts";
import { isoTime } from "./iso-time.ts";
import { APPROVAL_TIMEOUT_MS } from "./limits.ts";
import { recipientOf } from "./recipient.ts";
import { answeredEnd, failedEnd } from "./run-ends.ts";
import { type Call, isInHouse, type LiveState, openCallsOf, type RunBody, type RunState } from "./run-state.ts";
import { isAnswered } from "./transcript.ts";

type Proceed = Extract<RunInput, { kind: "proceed" }>;

/**
 * What a run does by itself once every input at hand is told. In this order: it expires what is overdue and dispatches
 * what may go. Then, if calls are open, it stays or parks; otherwise it ends, or begins the next step.
 */
export function proceed(before: LiveState, input: Proceed, now: number): Fact[] {
  const facts: Fact[] = [];
  let state: RunState = before;
  const emit = (fact: Fact): void => {
    facts.push(fact);
    state = evolve(state, fact, now);
  };
  const resumed: Fact = { type: "run.resumed", data: { epoch: input.epoch } };

  if (before.phase === "created" || before.phase === "stepping") return [];
  if (before.phase === "retrying") {
    if (now < before.nextAt) return [];
    emit(resumed);
  }

  for (const call of openCallsOf(before.run)) {
    if (!isOverdue(call, now)) continue;
    emit(overdueFact(call, input.dispatches[call.callId]));
    if (call.tool?.onTimeout === "fail-run") {
      const error = { code: "tool_timeout", message: `The tool '${call.toolName}' did not answer in time.` };
      return [...facts, ...failedEnd(state, error)];
    }
  }

  for (const call of openCallsOf(before.run)) {
    if (call.phase.kind !== "requested" || call.tool === null) continue;
    const { approved } = call.phase;
    const fact = sendingFact({ call, tool: call.tool, approved, run: before.run, input, now });
    // The server performs it under the lease: the run is parked no longer.
    if (fact.type === "tool.dispatched" && call.target === "server" && state.phase === "waiting") emit(resumed);
    emit(fact);
  }

  const open = openCallsOf(state.run);
  if (open.length > 0) {
    if (state.phase !== "waiting" && !open.some(isInHouse)) {
      emit({ type: "run.waiting", data: { callIds: open.map((call) => call.callId) } });
    }
    return facts;
  }

  const { run } = state;
  if (isAnswered(run.transcript)) {
    return [...facts, answeredEnd(state)];
  }
  if (state.phase === "waiting") emit(resumed);
  if (run.summaryDue !== null) {
    emit({ type: "step.started", data: { step: run.steps + 1, summarizesThrough: run.summaryDue } });
    return facts;
  }
  if (run.steps - run.summarySteps >= run.config.maxSteps) {
    const error = {
      code: "max_steps_reached",
      message: `The run took ${run.steps - run.summarySteps} steps, as many as its agent's maxSteps allows, and the model had not finished.`,
    };
    return [...facts, ...failedEnd(state, error)];
  }
  const history = run.historyForm === "full" ? {} : { history: run.historyForm };
  emit({ type: "step.started", data: { step: run.steps + 1, ...history } });
  return facts;
}

/** Settles an overdue call. */
function overdueFact(call: Call, status: DispatchStatus | undefined): Fact {
  const { callId, toolName, tool } = call;
  if (tool !== null && isRepeatable(tool)) return { type: "tool.expired", data: { callId, toolName } };
  // "Expired" would claim to know that the call did not take effect.
  if (isInHouse(call)) return outcomeUnknown(call, "The call expired: the tool did not answer in time");
  // It was sent and its device is gone.
  if (status?.sent === true && !status.connected) return outcomeUnknown(call);
  return { type: "tool.expired", data: { callId, toolName } };
}

/** The fact that sends a requested call on its way: to a person for approval, to its executor, or nowhere. */
function sendingFact(params: {
  readonly call: Call;
  readonly tool: ToolConfig;
  readonly approved: boolean;
  readonly run: RunBody;
  readonly input: Proceed;
  readonly now: number;
}): Fact {
  const { call, tool, approved, run, input, now } = params;
  const { callId, toolName } = call;
  if (tool.approval === "always" && !approved) {
    return { type: "tool.awaiting_approval", data: { callId, expiresAt: isoTime(now + APPROVAL_TIMEOUT_MS) } };
  }
  const deadline = dispatchDeadline(run.config, tool, now);
  if (call.target === "server" || call.target === "external") return dispatched(callId, 1, deadline);
  const recipient = recipientOf(tool, run.deviceKey);
  switch (recipient.kind) {
    case "key":
      return dispatched(callId, 1, deadline, input.deviceIds[recipient.deviceKey]);
    case "any":
      return dispatched(callId, 1, deadline);
    case "impossible": {
      const error = { code: "no_device", message: recipient.reason };
      return { type: "tool.failed", data: { callId, toolName, error } };
    }
    default:
      return recipient satisfies never;
  }
}

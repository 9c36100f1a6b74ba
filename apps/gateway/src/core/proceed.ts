import { approvalRulesOf, type Fact, isRepeatable, type ToolConfig } from "@hsafa/protocol";
import { approvalRecipientOf, awaitingApproval, unlikeApproved } from "./call-approval.ts";
import { asleep, awake, dispatched, expired, outcomeUnknown, takenByChild } from "./call-facts.ts";
import { dispatchDeadline, isOverdue } from "./deadline.ts";
import { evolve } from "./evolve.ts";
import { NO_ANSWER_IN_TIME } from "./expiry-error.ts";
import type { DispatchStatus, RunInput } from "./input.ts";
import { outputInvalid } from "./output-invalid.ts";
import { planChild } from "./plan-child.ts";
import { recipientOf } from "./recipient.ts";
import { recordFull } from "./record-size.ts";
import { answeredEnd, failedEnd } from "./run-ends.ts";
import { isOutOfSteps, limitExceeded, maxStepsReached, type ReachedLimit, reachedLimit } from "./reached-limit.ts";
import {
  type Call,
  isForDevice,
  childAgentOf,
  isHeldCall,
  isInHouse,
  isSleep,
  type LiveState,
  openCallsOf,
  type RunBody,
  type RunState,
} from "./run-state.ts";
import { sleepUntil } from "./sleep-until.ts";
import { isAnswered } from "./transcript.ts";

type Proceed = Extract<RunInput, { kind: "proceed" }>;

/**
 * What a run does by itself once every input at hand is told. In this order: it expires or wakes what is due, and
 * dispatches what may go. Then, if calls are open, it stays or parks; otherwise it ends, or begins the next step. A run
 * whose record is full, or that has reached a limit, does nothing but end. If its model has had the last word, that is
 * its end.
 */
export function proceed(before: LiveState, input: Proceed, now: number): Fact[] {
  const facts: Fact[] = [];
  let state: RunState = before;
  const emit = (fact: Fact): void => {
    facts.push(fact);
    state = evolve(state, fact, now);
  };
  const resumed: Fact = { type: "run.resumed", data: { epoch: input.epoch } };

  if (before.phase === "created") return [];
  const reached = reachedLimit(before.run, now);
  if (reached !== null && mayEndAt(before, reached)) return failedEnd(before, limitExceeded(reached));
  if (before.phase === "stepping") return [];
  if (input.isRecordFull && !hasAnswered(before)) return failedEnd(before, recordFull());
  if (before.phase === "retrying") {
    if (now < before.nextAt) return [];
    emit(resumed);
  }

  for (const call of openCallsOf(before.run)) {
    if (!isOverdue(call, now)) continue;
    if (isSleep(call)) {
      emit(awake(call, now));
      continue;
    }
    emit(overdueFact(call, input.dispatches[call.callId]));
    if (call.tool?.onTimeout === "fail-run") {
      const error = { code: "tool_timeout", message: `The tool '${call.toolName}' did not answer in time.` };
      return [...facts, ...failedEnd(state, error)];
    }
  }

  for (const call of openCallsOf(before.run)) {
    if (call.phase.kind !== "requested" || call.tool === null) continue;
    const { approved } = call.phase;
    const fact = sendingFact({ call, tool: call.tool, approved, run: state.run, input, now });
    // The server performs it under the lease: the run is parked no longer.
    if (fact.type === "tool.dispatched" && isHeldCall(call) && state.phase === "waiting") emit(resumed);
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
  const invalid = outputInvalid(run);
  if (invalid !== null) return [...facts, ...failedEnd(state, invalid)];
  if (state.phase === "waiting") emit(resumed);
  if (run.summaryDue !== null) {
    emit({ type: "step.started", data: { step: run.steps + 1, summarizesThrough: run.summaryDue } });
    return facts;
  }
  if (isOutOfSteps(run)) return [...facts, ...failedEnd(state, maxStepsReached(run))];
  const history = run.historyForm === "full" ? {} : { history: run.historyForm };
  const object = run.config.outputSchema === undefined ? {} : { object: true as const };
  emit({ type: "step.started", data: { step: run.steps + 1, ...history, ...object } });
  return facts;
}

/** Whether the model has had the last word, and nothing is open. */
function hasAnswered({ run }: LiveState): boolean {
  return openCallsOf(run).length === 0 && isAnswered(run.transcript);
}

/** A step in progress is cut short only by the time of the run. What else it uses is known when it is over. */
function mayEndAt(state: LiveState, { limit }: ReachedLimit): boolean {
  return state.phase === "stepping" ? limit === "wallTimeMs" : !hasAnswered(state);
}

/** Settles an overdue call. */
function overdueFact(call: Call, status: DispatchStatus | undefined): Fact {
  if (!hasLeft(call, status)) return expired(call, false);
  const isHarmless = call.tool !== null && isRepeatable(call.tool);
  // Nobody is left who could still answer. Of a call that is under way elsewhere the executor may know more.
  if (isInHouse(call) && !isHarmless) return outcomeUnknown(call, NO_ANSWER_IN_TIME);
  // It was sent and its device is gone.
  if (status?.sent === true && !status.connected && !isHarmless) return outcomeUnknown(call);
  return expired(call, true);
}

/** Whether anybody may have the call. A second attempt means that the first one left. */
function hasLeft({ phase, target }: Call, status: DispatchStatus | undefined): boolean {
  if (phase.kind !== "dispatched") return false;
  // A call for a device is sent only to a device that takes it. Any other is there for its executor once dispatched.
  return !isForDevice(target) || phase.dispatch.attempt > 1 || status === undefined || status.sent;
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
  const { callId } = call;
  const recipient = isForDevice(call.target) ? recipientOf(tool, run.deviceKey) : null;
  if (recipient?.kind === "impossible") return failed(call, "no_device", recipient.reason);
  const rules = approvalRulesOf(run.config, tool);
  if (rules !== null) {
    const goesTo = approvalRecipientOf(tool, recipient, input.devices);
    if (!approved) return awaitingApproval({ runId: run.runId, call, recipient: goesTo, rules, now });
    const unlike = unlikeApproved(run.runId, call, goesTo);
    if (unlike !== null) return failed(call, "not_as_approved", `${unlike}. It was not executed.`);
  }
  if (isSleep(call)) {
    const until = sleepUntil(call.args, now);
    return until.kind === "until" ? asleep(callId, until.at) : failed(call, "invalid_args", until.message);
  }
  const deadline = dispatchDeadline(run.config, tool, now);
  const agentName = childAgentOf(call);
  if (agentName !== null) {
    const plan = planChild({ run, call, agentName, agents: input.agents });
    return plan.kind === "starts" ? takenByChild(callId, plan.child, deadline) : failed(call, plan.code, plan.message);
  }
  const device = recipient?.kind === "key" ? input.devices[recipient.deviceKey] : undefined;
  return dispatched(callId, 1, deadline, device?.deviceId);
}

function failed({ callId, toolName }: Call, code: string, message: string): Fact {
  return { type: "tool.failed", data: { callId, toolName, error: { code, message } } };
}

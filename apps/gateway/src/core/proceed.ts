import { type Fact, isRepeatable } from "@hsafa/protocol";
import { evolve } from "./evolve.ts";
import { deadlineOf, dispatched, failedEnd, outcomeUnknown, isoTime } from "./facts.ts";
import type { RunInput } from "./input.ts";
import { APPROVAL_TIMEOUT_MS } from "./limits.ts";
import { recipientOf } from "./recipient.ts";
import { type Call, isInHouse, type LiveState, openCallsOf, type RunState } from "./state.ts";
import { isAnswered } from "./transcript.ts";

/**
 * What a run does of itself once every input at hand is told, in this order: expire what is overdue, dispatch what may
 * go, and then, if calls are open, stay or park; else end, or begin the next step.
 */
export function proceed(before: LiveState, input: Extract<RunInput, { kind: "proceed" }>, now: number): Fact[] {
  const facts: Fact[] = [];
  let state: RunState = before;
  const emit = (fact: Fact): void => {
    facts.push(fact);
    state = evolve(state, fact, now);
  };

  if (before.phase === "created" || before.phase === "stepping") return [];
  if (before.phase === "retrying") {
    if (now < before.nextAt) return [];
    emit({ type: "run.resumed", data: { epoch: input.epoch } });
  }

  for (const call of openCallsOf(before.run)) {
    if (!isOverdue(call, now)) continue;
    const status = input.dispatches[call.callId];
    // Sent, and its device is gone: it may have acted, so "expired" would claim to know that it did not.
    const unknown = status?.sent === true && !status.connected && !(call.tool !== null && isRepeatable(call.tool));
    emit(
      unknown ? outcomeUnknown(call) : { type: "tool.expired", data: { callId: call.callId, toolName: call.toolName } },
    );
    if (call.tool?.onTimeout === "fail-run") {
      const error = { code: "tool_timeout", message: `The tool '${call.toolName}' did not answer in time.` };
      return [...facts, ...failedEnd(state, error)];
    }
  }

  for (const call of openCallsOf(before.run)) {
    if (call.phase.kind !== "requested" || call.tool === null) continue;
    const { callId, toolName, tool } = call;
    if (tool.approval === "always" && !call.phase.approved) {
      emit({ type: "tool.awaiting_approval", data: { callId, expiresAt: isoTime(now + APPROVAL_TIMEOUT_MS) } });
      continue;
    }
    const deadline = deadlineOf(before.run.config, tool, now);
    if (call.target === "server" && state.phase === "waiting") {
      emit({ type: "run.resumed", data: { epoch: input.epoch } });
    }
    if (call.target === "server" || call.target === "external") {
      emit(dispatched(callId, 1, deadline));
      continue;
    }
    const recipient = recipientOf(tool, before.run.deviceKey);
    if (recipient.kind === "impossible") {
      emit({
        type: "tool.failed",
        data: { callId, toolName, error: { code: "no_device", message: recipient.reason } },
      });
      continue;
    }
    emit(dispatched(callId, 1, deadline, recipient.kind === "key" ? input.deviceIds[recipient.deviceKey] : undefined));
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
    emit({ type: "run.completed", data: { output: run.output, usage: run.usage } });
    return facts;
  }
  if (state.phase === "waiting") emit({ type: "run.resumed", data: { epoch: input.epoch } });
  if (run.steps >= run.config.maxSteps) {
    const error = {
      code: "max_steps_reached",
      message: `The run took ${run.steps} steps, as many as its agent's maxSteps allows, and the model had not finished.`,
    };
    return [...facts, ...failedEnd(state, error)];
  }
  emit({ type: "step.started", data: { step: run.steps + 1 } });
  return facts;
}

function isOverdue(call: Call, now: number): boolean {
  const { phase } = call;
  if (phase.kind === "awaiting_approval") return phase.expiresAt <= now;
  return phase.kind === "dispatched" && phase.dispatch.deadline !== null && phase.dispatch.deadline <= now;
}

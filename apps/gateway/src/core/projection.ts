import {
  type CallApproval,
  type Fact,
  type Failure,
  type FinishReason,
  isRepeatable,
  type JsonValue,
  type ResultSource,
  type RunOutput,
  type RunStatus,
  type ToolCallStatus,
  type ToolTarget,
  type Usage,
} from "@hsafa/protocol";
import { type Recipient, recipientOf } from "./recipient.ts";
import { type Call, type CallPhase, isForDevice, type RunState, statusOf } from "./run-state.ts";

/** The run's row after a commit: a projection of its facts. */
export interface RunProjection {
  readonly status: RunStatus;
  readonly steps: number;
  /** The step in progress, so that a run can be given up without loading its events. */
  readonly openStep: number | null;
  readonly usage: Usage;
  /** What its children that have ended spent, with theirs. */
  readonly childrenUsage: Usage;
  readonly output: RunOutput | null;
  readonly finishReason: FinishReason | null;
  readonly error: Failure | null;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
}

/**
 * A tool call's row after a commit. Every changed call is given whole. The columns about its delivery belong to the
 * store.
 */
export interface CallProjection {
  readonly callId: string;
  readonly toolName: string;
  readonly step: number;
  readonly args: JsonValue;
  readonly target: ToolTarget;
  readonly status: ToolCallStatus;
  /** 0 until dispatched. A rise makes the call free to be sent again, to any device that fits. */
  readonly attempt: number;
  readonly repeatable: boolean;
  /** Which devices may take it; null for `server` and `external`. */
  readonly recipient: Recipient | null;
  /** What a person was asked, and what they decided. It may narrow the recipient to one device. */
  readonly approval: CallApproval | null;
  readonly deadline: number | null;
  readonly result: JsonValue | undefined;
  readonly error: Failure | null;
  readonly source: ResultSource | null;
  /** The device that answered. */
  readonly deviceId: string | null;
  readonly requestedAt: number;
  readonly dispatchedAt: number | null;
  readonly settledAt: number | null;
}

/** The run's row in this state. */
export function projectRun(state: RunState): RunProjection {
  const { run } = state;
  const end = state.phase === "ended" ? state.end : null;
  return {
    status: statusOf(state),
    steps: run.steps,
    openStep: state.phase === "stepping" ? state.step : null,
    usage: run.usage,
    childrenUsage: run.childrenUsage,
    output: end?.kind === "completed" ? end.output : null,
    finishReason: end?.kind === "completed" || end?.kind === "failed" ? end.finishReason : null,
    error: end?.kind === "failed" ? end.error : null,
    startedAt: run.startedAt,
    completedAt: run.endedAt,
  };
}

/** The rows of the calls that these facts changed. The state has the facts folded in already. */
export function projectCalls(state: RunState, facts: readonly Fact[]): CallProjection[] {
  const changed = new Set(facts.flatMap((fact) => ("callId" in fact.data ? [fact.data.callId] : [])));
  return [...changed].flatMap((callId) => {
    const call = state.run.calls.get(callId);
    return call === undefined ? [] : [projectCall(call, state.run.deviceKey)];
  });
}

function projectCall(call: Call, originDeviceKey: string | null): CallProjection {
  const { callId, toolName, step, args, target, phase, requestedAt } = call;
  const dispatch = phase.kind === "dispatched" || phase.kind === "settled" ? phase.dispatch : null;
  const settled = phase.kind === "settled" ? phase : null;
  const outcome = settled?.outcome;
  return {
    callId,
    toolName,
    step,
    args,
    target,
    status: callStatusOf(phase),
    attempt: dispatch?.attempt ?? 0,
    repeatable: call.tool !== null && isRepeatable(call.tool),
    recipient: recipientRow(call, originDeviceKey),
    approval: call.approval,
    deadline: dispatch?.deadline ?? null,
    result: outcome?.kind === "completed" ? outcome.result : undefined,
    error: outcome?.kind === "failed" || outcome?.kind === "expired" ? outcome.error : null,
    source: settled?.source ?? null,
    deviceId: settled?.deviceId ?? null,
    requestedAt,
    dispatchedAt: dispatch?.at ?? null,
    settledAt: settled?.at ?? null,
  };
}

function callStatusOf(phase: CallPhase): ToolCallStatus {
  return phase.kind === "settled" ? phase.outcome.kind : phase.kind;
}

function recipientRow(call: Call, originDeviceKey: string | null): Recipient | null {
  if (call.tool === null || !isForDevice(call.target)) return null;
  const rule = recipientOf(call.tool, originDeviceKey);
  return rule.kind === "impossible" ? null : rule;
}

import { type AgentConfig, type Fact, type StartedChild, targetOf } from "@hsafa/protocol";
import { addUsage } from "./add-usage.ts";
import { tokensOf } from "./quotas.ts";
import { addWithheld } from "./withheld-below.ts";
import { grantedLimits } from "./granted-limits.ts";
import { askedApproval, decidedApproval } from "./call-approval.ts";
import type { Call, CallPhase, RunBody, RunEnd, RunState } from "./run-state.ts";
import { extendShownContext, NOTHING_SHOWN } from "./context-budget.ts";
import { outputOf } from "./read-answer.ts";
import { scopedConfig } from "./scoped-config.ts";
import type { SettlingFact } from "./settling-fact.ts";
import { extendTranscript, outcomeOf } from "./transcript.ts";

/** A run before its first fact. */
export function initialState(params: {
  readonly runId: string;
  readonly config: AgentConfig;
  readonly deviceKey: string | null;
}): RunState {
  return {
    phase: "created",
    run: {
      runId: params.runId,
      config: params.config,
      deviceKey: params.deviceKey,
      seq: 0,
      agentId: null,
      versionId: null,
      parent: null,
      openChildren: new Map(),
      childrenUsage: {},
      withheld: {},
      historyRunIds: [],
      historyForm: "full",
      shownContext: NOTHING_SHOWN,
      contextTries: 0,
      summary: null,
      summaryDue: null,
      summaryFailure: null,
      summarySteps: 0,
      reusedSteps: 0,
      reruns: [],
      transcript: [],
      steps: 0,
      failedAttempts: 0,
      loadingAttempts: 0,
      loadingSince: null,
      usage: {},
      limits: grantedLimits(params.config),
      tokens: 0,
      toolCalls: 0,
      output: "",
      finishReason: null,
      outputFaults: 0,
      calls: new Map(),
      startedAt: null,
      endedAt: null,
    },
  };
}

/**
 * Folds one fact into the state. `at` is the fact's time, in ms. A fact has happened, so it is never refused here: the
 * rules stand in `decide`.
 */
export function evolve(state: RunState, fact: Fact, at: number): RunState {
  const run: RunBody = {
    ...state.run,
    seq: state.run.seq + 1,
    transcript: extendTranscript(state.run.transcript, fact, state.run.seq + 1),
    shownContext: extendShownContext(state.run.shownContext, fact),
  };
  switch (fact.type) {
    case "run.created":
      return {
        phase: "created",
        run: {
          ...run,
          agentId: fact.data.agentId,
          versionId: fact.data.versionId,
          parent: fact.data.parent ?? null,
          config: scopedConfig(run.config, fact.data),
          limits: grantedLimits(run.config, fact.data.limits),
        },
      };
    case "run.started":
      return { phase: "ready", run: { ...run, historyRunIds: fact.data.historyRunIds, startedAt: at } };
    case "run.resumed":
      return { phase: run.calls.size > 0 ? "acting" : "ready", run };
    case "run.recovered":
    case "message.user":
    case "tool.reused":
      return { ...state, run };
    case "step.reused": {
      const { step, reruns = [] } = fact.data;
      return { ...state, run: { ...run, steps: step, reusedSteps: run.reusedSteps + 1, reruns } };
    }
    case "run.waiting":
      return { phase: "waiting", run };
    case "run.retrying":
      return {
        phase: "retrying",
        run: { ...run, failedAttempts: fact.data.attempt, ...loadingAfter(run, fact, at) },
        nextAt: Date.parse(fact.data.nextAt),
      };
    case "step.started":
      return {
        phase: "stepping",
        run,
        step: fact.data.step,
        seq: run.seq,
        summarizesThrough: fact.data.summarizesThrough ?? null,
      };
    case "step.completed": {
      const { summary, outputFault } = fact.data;
      const usage = addUsage(run.usage, fact.data.usage);
      const tokens = run.tokens + tokensOf(fact.data.usage);
      // A summary is no turn of the conversation.
      if (summary !== undefined) {
        const summarySteps = run.summarySteps + 1;
        return {
          phase: "ready",
          run: { ...run, steps: fact.data.step, usage, tokens, summary, summaryDue: null, summarySteps },
        };
      }
      return {
        phase: "ready",
        run: {
          ...run,
          steps: fact.data.step,
          failedAttempts: 0,
          loadingAttempts: 0,
          loadingSince: null,
          contextTries: 0,
          usage,
          tokens,
          output: outputOf(fact.data, run.config),
          finishReason: fact.data.finishReason,
          outputFaults: run.outputFaults + (outputFault === undefined ? 0 : 1),
          calls: new Map(),
        },
      };
    }
    case "step.discarded": {
      const { reason, error, contextTokensMax, summarizesThrough, history } = fact.data;
      if (state.phase === "stepping" && state.summarizesThrough !== null && reason === "error")
        return { phase: "ready", run: { ...run, summaryDue: null, summaryFailure: error?.message ?? "it failed" } };
      const contextTries = run.contextTries + (contextTokensMax === undefined ? 0 : 1);
      const summaryDue = summarizesThrough ?? run.summaryDue;
      return {
        phase: "ready",
        run: { ...run, contextTries, summaryDue, historyForm: history ?? run.historyForm },
      };
    }
    case "tool.requested":
      return {
        phase: "acting",
        run: { ...withCall(run, requestedCall(run, fact.data, at)), toolCalls: run.toolCalls + 1 },
      };
    case "tool.awaiting_approval":
      return {
        ...state,
        run: withChange(run, fact.data.callId, () => ({
          phase: { kind: "awaiting_approval", expiresAt: Date.parse(fact.data.expiresAt) },
          approval: askedApproval(fact),
        })),
      };
    case "tool.approved":
      return {
        ...state,
        run: withChange(run, fact.data.callId, ({ approval }) => ({
          phase: { kind: "requested", approved: true },
          approval: decidedApproval(approval, fact, at),
        })),
      };
    case "tool.dispatched": {
      const deadline = fact.data.deadline === null ? null : Date.parse(fact.data.deadline);
      const dispatch = { attempt: fact.data.attempt, at, deadline };
      const { callId, child } = fact.data;
      const sent = withPhase(run, callId, () => ({ kind: "dispatched", dispatch }));
      return { ...state, run: child === undefined ? sent : withChild(sent, callId, child) };
    }
    case "child.ended": {
      const { childRunId, usage, withheld = {} } = fact.data;
      const openChildren = new Map(run.openChildren);
      openChildren.delete(childRunId);
      const told = {
        openChildren,
        childrenUsage: addUsage(run.childrenUsage, usage),
        withheld: addWithheld(run.withheld, withheld),
        tokens: run.tokens + tokensOf(usage) + (withheld.tokens ?? 0),
      };
      return { ...state, run: { ...run, ...told } };
    }
    case "tool.denied":
      return {
        ...state,
        run: withChange(run, fact.data.callId, ({ phase, approval }) => ({
          phase: settledPhase(phase, fact, at),
          approval: decidedApproval(approval, fact, at),
        })),
      };
    case "tool.completed":
    case "tool.failed":
    case "tool.expired":
      return { ...state, run: withPhase(run, fact.data.callId, (phase) => settledPhase(phase, fact, at)) };
    case "run.completed":
      return { phase: "ended", run: { ...run, endedAt: at }, end: completedEnd(fact) };
    case "run.failed":
      return { phase: "ended", run: { ...run, endedAt: at }, end: failedEnd(fact) };
    case "run.canceled":
      return { phase: "ended", run: { ...run, endedAt: at }, end: { kind: "canceled", reason: fact.data.reason } };
    case "run.merged":
      return { phase: "ended", run: { ...run, endedAt: at }, end: { kind: "merged", into: fact.data.into } };
    default:
      return fact satisfies never;
  }
}

function completedEnd({ data }: Extract<Fact, { type: "run.completed" }>): RunEnd {
  return { kind: "completed", output: data.output, finishReason: data.finishReason ?? null };
}

function failedEnd({ data }: Extract<Fact, { type: "run.failed" }>): RunEnd {
  return { kind: "failed", error: data.error, finishReason: data.finishReason ?? null };
}

/** How long the model has been loading, after one more attempt. An attempt of another kind does not end the wait. */
function loadingAfter(
  { loadingAttempts, loadingSince }: RunBody,
  { data }: Extract<Fact, { type: "run.retrying" }>,
  at: number,
): Pick<RunBody, "loadingAttempts" | "loadingSince"> {
  return data.loading === true
    ? { loadingAttempts: loadingAttempts + 1, loadingSince: loadingSince ?? at }
    : { loadingAttempts, loadingSince };
}

function requestedCall(run: RunBody, data: Extract<Fact, { type: "tool.requested" }>["data"], at: number): Call {
  const tool = run.config.tools.find((candidate) => candidate.name === data.toolName) ?? null;
  const { callId, toolName, args, step } = data;
  return {
    callId,
    toolName,
    args,
    target: tool === null ? data.target : targetOf(tool),
    tool,
    step,
    requestedAt: at,
    phase: { kind: "requested", approved: false },
    approval: null,
  };
}

function withCall(run: RunBody, call: Call): RunBody {
  return { ...run, calls: new Map(run.calls).set(call.callId, call) };
}

function withChild(run: RunBody, callId: string, { runId, limits = {} }: StartedChild): RunBody {
  return { ...run, openChildren: new Map(run.openChildren).set(runId, { callId, limits }) };
}

function withPhase(run: RunBody, callId: string, phaseAfter: (phase: CallPhase) => CallPhase): RunBody {
  return withChange(run, callId, ({ phase }) => ({ phase: phaseAfter(phase) }));
}

function withChange(run: RunBody, callId: string, changeOf: (call: Call) => Partial<Call>): RunBody {
  const call = run.calls.get(callId);
  return call === undefined ? run : withCall(run, { ...call, ...changeOf(call) });
}

function settledPhase(before: CallPhase, fact: SettlingFact, at: number): CallPhase {
  // Nobody answered a call that expired or was denied.
  const answer = fact.type === "tool.completed" || fact.type === "tool.failed" ? fact.data : null;
  return {
    kind: "settled",
    dispatch: before.kind === "dispatched" ? before.dispatch : null,
    outcome: outcomeOf(fact),
    at,
    source: answer?.source ?? null,
    deviceId: answer?.deviceId ?? null,
  };
}

import { type Effect, effectsOf } from "../../core/effects.ts";
import type { RunInput } from "../../core/input.ts";
import { pastConversation } from "../../core/past-conversation.ts";
import type { RunState } from "../../core/run-state.ts";
import { stepConversation, summaryConversation } from "../../core/step-conversation.ts";
import type { PerformEffect } from "../effects-in-flight.ts";
import type { EngineDeps } from "../engine-deps.ts";
import type { RunWriter } from "../run-writer.ts";
import { callModel } from "./call-model.ts";
import { runServerTool } from "./run-server-tool.ts";
import { summarizeThread } from "./summarize-thread.ts";
import type { ThreadHistory } from "./thread-history.ts";

/** What effects are performed with. */
export interface EffectTools {
  readonly tenantId: string;
  readonly deps: Pick<EngineDeps, "model" | "schemas" | "clock" | "serverTools" | "log">;
  readonly writer: Pick<RunWriter, "openStep" | "write" | "waitForCapacity">;
  readonly history: ThreadHistory;
  /** Called when foreign code that works for this run has just run. */
  readonly onRan: () => void;
}

/**
 * What a committed state calls for (R4), each effect under a key of its own. The same effect has the same key in every
 * state that calls for it, so none is begun twice.
 *
 * An effect never rejects. What it throws is a bug, and the outcome of this step or call alone: the lease goes on, and
 * the run does not spin.
 */
export function dueEffects(state: RunState, tools: EffectTools): ReadonlyMap<string, PerformEffect> {
  const due = new Map<string, PerformEffect>();
  const { runId } = state.run;
  const { onRan } = tools;
  for (const effect of effectsOf(state)) {
    switch (effect.kind) {
      case "call_model":
        due.set(stepKey(effect.seq), (signal) =>
          orOutcome(performStep(state, effect, tools, signal), {
            signal,
            onRan,
            outcome: () => brokenStep(tools.deps.clock.random()),
            onBug: (error) => tools.deps.log.error({ err: error, runId }, "a step could not be performed"),
          }),
        );
        break;
      case "perform_tool": {
        const { call, attempt } = effect;
        const { serverTools, clock, log } = tools.deps;
        due.set(`tool:${call.callId}:${attempt}`, (signal) =>
          orOutcome(runServerTool({ serverTools, clock, runId, call, attempt, signal }), {
            signal,
            onRan,
            outcome: () => brokenCall(call.callId, attempt),
            onBug: (error) => log.error({ err: error, runId, tool: call.toolName }, "a tool could not be performed"),
          }),
        );
        break;
      }
      case "wait":
        throw new Error("A run that only waits is never held.");
      default:
        effect satisfies never;
    }
  }
  return due;
}

/** The key of the effect that asks the model for the step whose `step.started` has this seq. */
export function stepKey(seq: number): string {
  return `step:${seq}`;
}

async function orOutcome(
  performed: Promise<RunInput | null>,
  params: {
    readonly signal: AbortSignal;
    readonly onRan: () => void;
    readonly outcome: () => RunInput;
    readonly onBug: (error: unknown) => void;
  },
): Promise<RunInput | null> {
  // It has begun by now.
  params.onRan();
  try {
    return await performed;
  } catch (error) {
    params.onBug(error);
    return params.signal.aborted ? null : params.outcome();
  } finally {
    params.onRan();
  }
}

function brokenStep(jitter: number): RunInput {
  const message = "The gateway met an error of its own while it asked the model. Its log has the reason.";
  return { kind: "step_failed", failure: { kind: "other", message, retryAfterMs: null }, jitter };
}

function brokenCall(callId: string, attempt: number): RunInput {
  const reason = "The gateway met an error of its own while it performed the call. Its log has the reason.";
  return { kind: "server_tool_finished", callId, attempt, outcome: { kind: "unknown", reason } };
}

async function performStep(
  state: RunState,
  { step, seq, summarizesThrough }: Extract<Effect, { kind: "call_model" }>,
  { tenantId, deps, writer, history, onRan }: EffectTools,
  signal: AbortSignal,
): Promise<RunInput | null> {
  writer.openStep(step, seq);
  const { run } = state;
  const earlier = await history.runsOf(run.historyRunIds);
  if (earlier === null || signal.aborted) return null;
  const past = pastConversation(earlier, { form: run.historyForm, versionId: run.versionId });
  if (summarizesThrough !== undefined) {
    const messages = summaryConversation(run, past.runs, summarizesThrough);
    return summarizeThread({ deps, config: run.config, messages, throughRunId: summarizesThrough, signal });
  }
  const conversation = stepConversation(run, past.runs);
  switch (conversation.kind) {
    case "summarize":
      return { kind: "summary_due", throughRunId: conversation.throughRunId };
    case "refuse": {
      const { message, sent } = conversation;
      const failure = { kind: "context_exceeded", message, retryAfterMs: null } as const;
      return { kind: "step_failed", failure, jitter: deps.clock.random(), sent };
    }
    case "show":
      return callModel({
        tenantId,
        model: deps.model,
        schemas: deps.schemas,
        clock: deps.clock,
        config: run.config,
        messages: conversation.messages,
        leftOut: [...past.leftOut, ...conversation.leftOut],
        sent: conversation.sent,
        signal,
        waitForCapacity() {
          onRan();
          return writer.waitForCapacity();
        },
        onPart(part) {
          onRan();
          writer.write(part);
        },
        onRan,
      });
    default:
      return conversation satisfies never;
  }
}

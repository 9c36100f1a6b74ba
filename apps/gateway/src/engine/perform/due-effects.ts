import { type Effect, effectsOf } from "../../core/effects.ts";
import type { RunInput } from "../../core/input.ts";
import type { RunState } from "../../core/run-state.ts";
import { conversationOf } from "../../core/transcript.ts";
import type { PerformEffect } from "../effects-in-flight.ts";
import type { EngineDeps } from "../engine-deps.ts";
import type { RunWriter } from "../run-writer.ts";
import { callModel } from "./call-model.ts";
import { runServerTool } from "./run-server-tool.ts";
import type { ThreadHistory } from "./thread-history.ts";

/** What effects are performed with. */
export interface EffectTools {
  readonly deps: Pick<EngineDeps, "model" | "schemas" | "clock" | "serverTools">;
  readonly writer: Pick<RunWriter, "openStep" | "write" | "waitForCapacity">;
  readonly history: ThreadHistory;
}

/**
 * What a committed state calls for (R4), each effect under a key of its own. The same effect has the same key in every
 * state that calls for it, so none is begun twice.
 */
export function dueEffects(state: RunState, tools: EffectTools): ReadonlyMap<string, PerformEffect> {
  const due = new Map<string, PerformEffect>();
  for (const effect of effectsOf(state)) {
    switch (effect.kind) {
      case "call_model":
        due.set(stepKey(effect.seq), (signal) => performStep(state, effect, tools, signal));
        break;
      case "perform_tool": {
        const { call, attempt } = effect;
        const { serverTools, clock } = tools.deps;
        const { runId } = state.run;
        due.set(`tool:${call.callId}:${attempt}`, (signal) =>
          runServerTool({ serverTools, clock, runId, call, attempt, signal }),
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

async function performStep(
  state: RunState,
  { step, seq }: Extract<Effect, { kind: "call_model" }>,
  { deps, writer, history }: EffectTools,
  signal: AbortSignal,
): Promise<RunInput | null> {
  writer.openStep(step, seq);
  const earlier = await history.messagesOf(state.run.historyRunIds);
  if (earlier === null || signal.aborted) return null;
  return callModel({
    model: deps.model,
    schemas: deps.schemas,
    clock: deps.clock,
    config: state.run.config,
    messages: conversationOf(state.run.transcript, earlier),
    signal,
    waitForCapacity: () => writer.waitForCapacity(),
    onPart: (part) => writer.write(part),
  });
}

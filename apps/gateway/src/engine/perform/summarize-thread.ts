import { type AgentConfig, type LeftOut, type Message, modelIdleTimeoutMsOf } from "@hsafa/protocol";
import type { RunInput } from "../../core/input.ts";
import { SUMMARY_CHARACTERS_MAX, SUMMARY_TOKENS_MAX } from "../../core/limits.ts";
import { SUMMARY_INSTRUCTION } from "../../core/thread-summary.ts";
import type { EngineDeps } from "../engine-deps.ts";

/**
 * Asks the agent's model to summarise the thread up to a run. Nobody is shown what it says: it is no answer. Returns
 * what `decide` is to be told, or null if `signal` cut the call short.
 */
export async function summarizeThread(params: {
  readonly deps: Pick<EngineDeps, "model" | "clock">;
  readonly config: AgentConfig;
  readonly messages: readonly Message[];
  readonly throughRunId: string;
  /** What of the thread these messages lack. */
  readonly leftOut: readonly LeftOut[];
  readonly signal: AbortSignal;
  readonly nextTurn: () => Promise<void>;
}): Promise<RunInput | null> {
  const { deps, config, messages, throughRunId, leftOut, signal, nextTurn } = params;
  const { providerOptions } = config.settings;
  const settings = {
    maxOutputTokens: SUMMARY_TOKENS_MAX,
    ...(providerOptions === undefined ? {} : { providerOptions }),
  };
  const call = { model: config.model, system: SUMMARY_INSTRUCTION, messages, tools: [], settings };
  let text = "";
  const outcome = await deps.model.step(
    { call, idleTimeoutMs: modelIdleTimeoutMsOf(config), signal, nextTurn },
    (part) => {
      if (part.kind === "text" && part.at === "delta" && text.length < SUMMARY_CHARACTERS_MAX) text += part.text;
    },
  );
  if (signal.aborted) return null;
  const failed = (message: string): RunInput => ({
    kind: "step_failed",
    failure: { kind: "other", message, retryAfterMs: null },
    jitter: deps.clock.random(),
  });
  switch (outcome.kind) {
    case "finished": {
      if (text.trim() === "") return failed("the model said nothing");
      const { finishReason, usage } = outcome;
      const summary = { text: text.slice(0, SUMMARY_CHARACTERS_MAX).toWellFormed(), throughRunId };
      return { kind: "step_finished", finishReason, messages: [], usage, calls: [], summary, leftOut };
    }
    case "failed":
      return failed(outcome.failure.message);
    case "aborted":
      throw new Error("The model says that its call was aborted, but nobody aborted it.");
    default:
      return outcome satisfies never;
  }
}

/**
 * How much of a conversation a step may show, in tokens of our own estimate (`core/estimate-tokens.ts`).
 *
 * 1. The smallest bound counts: the agent's `history.maxTokens`, the model's known window less its answer, and what a
 *    provider has shown by a refusal.
 * 2. What a provider reports as used corrects the estimate, upwards only: a server that reports nonsense must not make
 *    a conversation too long.
 */
import { type AgentConfig, type Fact, type Usage } from "@hsafa/protocol";
import { ANSWER_TOKENS_RESERVED, ANSWER_WINDOW_SHARE_MAX, CONTEXT_TOKENS_LEAST, TOKEN_RATIO_MAX } from "./limits.ts";
import { modelWindow } from "./model-window.ts";
import { estimateTokensOfJson } from "./estimate-tokens.ts";

/** What requests of an agent's version have shown of its model. */
export interface ShownContext {
  /** Real tokens for each estimated one, at least 1. */
  readonly tokenRatio: number;
  /** A size above which the provider refused, in estimated tokens; null: it never did. */
  readonly tokensMax: number | null;
}

export const NOTHING_SHOWN: ShownContext = { tokenRatio: 1, tokensMax: null };

/** Returns how many estimated tokens the messages of a step may have; null: no bound is known. */
export function contextBudget(config: AgentConfig, shown: ShownContext): number | null {
  const bounds = [config.history.maxTokens, spaceInWindow(config)].flatMap((tokens) =>
    tokens === undefined ? [] : [Math.floor(tokens / shown.tokenRatio)],
  );
  if (shown.tokensMax !== null) bounds.push(shown.tokensMax);
  return bounds.length === 0 ? null : Math.max(1, Math.min(...bounds));
}

/** The window of the model less its answer, the system prompt and the tools; undefined: it is not known. */
function spaceInWindow(config: AgentConfig): number | undefined {
  const window = modelWindow(config.model);
  if (window === null) return undefined;
  const answer = Math.min(config.settings.maxOutputTokens ?? ANSWER_TOKENS_RESERVED, window * ANSWER_WINDOW_SHARE_MAX);
  const tools = config.tools.map(({ name, description = "", inputSchema }) => ({ name, description, inputSchema }));
  return window - answer - estimateTokensOfJson([config.system ?? "", ...tools]);
}

/** What is known after one more fact of a run. */
export function extendShownContext(shown: ShownContext, fact: Fact): ShownContext {
  switch (fact.type) {
    case "step.completed":
      return { ...shown, tokenRatio: ratioOf(fact.data.usage, fact.data.estimatedInputTokens) ?? shown.tokenRatio };
    case "step.discarded":
      return { ...shown, tokensMax: fact.data.contextTokensMax ?? shown.tokensMax };
    default:
      return shown;
  }
}

/**
 * What earlier runs of this version have shown. `runs`: their facts, oldest first. A version has one model, so what one
 * of its runs learnt holds for the next.
 */
export function shownByRuns(runs: readonly (readonly Fact[])[], versionId: string | null): ShownContext {
  return runs
    .filter((facts) => facts.some((fact) => fact.type === "run.created" && fact.data.versionId === versionId))
    .flat()
    .filter((fact) => fact.type !== "step.discarded" || fact.data.contextTokensMax !== CONTEXT_TOKENS_LEAST)
    .reduce(extendShownContext, NOTHING_SHOWN);
}

/** Both together: the run itself has shown it later. */
export function mergeShownContext(earlier: ShownContext, own: ShownContext): ShownContext {
  return {
    tokenRatio: Math.max(earlier.tokenRatio, own.tokenRatio),
    tokensMax: own.tokensMax ?? earlier.tokensMax,
  };
}

/** 2. */
function ratioOf(usage: Usage, estimated: number | undefined): number | null {
  if (usage.inputTokens === undefined || estimated === undefined || estimated === 0) return null;
  return Math.min(TOKEN_RATIO_MAX, Math.max(1, usage.inputTokens / estimated));
}

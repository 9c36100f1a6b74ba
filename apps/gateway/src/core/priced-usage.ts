import type { Usage } from "@hsafa/protocol";
import { COST_USD_DIGITS, PRICED_TOKENS } from "./limits.ts";

/** What a model costs, in US dollars per million tokens. */
export interface ModelPrice {
  readonly input: number;
  readonly output: number;
  /** Of input that the provider had in its cache; as `input` if left out. */
  readonly cachedInput?: number;
}

/** Prices by the names of models, such as `openai/gpt-5-mini`. */
export type ModelPrices = ReadonlyMap<string, ModelPrice>;

/** The usage of a step with what it cost. Without a price, or without any count of tokens, nothing is said of it. */
export function pricedUsage(usage: Usage, price: ModelPrice | undefined): Usage {
  const { inputTokens, outputTokens, totalTokens, cachedInputTokens = 0 } = usage;
  if (price === undefined || (inputTokens ?? outputTokens ?? totalTokens) === undefined) return usage;
  const output = Math.max(outputTokens ?? 0, 0);
  const input = Math.max(inputTokens ?? (totalTokens ?? 0) - output, 0);
  const cached = Math.min(Math.max(cachedInputTokens, 0), input);
  const sum = (input - cached) * price.input + cached * (price.cachedInput ?? price.input) + output * price.output;
  return { ...usage, costUsd: roundedUsd(sum / PRICED_TOKENS) };
}

/** An amount without what adding binary fractions brings in, so that 0.1 and 0.2 are 0.3. */
export function roundedUsd(amount: number): number {
  return Number(amount.toFixed(COST_USD_DIGITS));
}

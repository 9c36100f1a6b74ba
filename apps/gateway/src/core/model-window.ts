/**
 * How many tokens a model takes in one request, its answer included, where that is known. The first name that the
 * model's begins with counts. An agent's `history.maxTokens` overrides it.
 */
const WINDOWS: readonly (readonly [prefix: string, tokens: number])[] = [
  ["openai/gpt-5", 400_000],
  ["openai/gpt-4.1", 1_047_576],
  ["openai/gpt-4o", 128_000],
  ["openai/gpt-4-turbo", 128_000],
  ["openai/gpt-4", 8_192],
  ["openai/gpt-3.5-turbo", 16_385],
  ["openai/o1", 200_000],
  ["openai/o3", 200_000],
  ["openai/o4", 200_000],
  ["anthropic/claude-", 200_000],
  ["google/gemini-1.5-pro", 2_097_152],
  ["google/gemini-", 1_048_576],
  ["xai/grok-4", 256_000],
  ["xai/grok-3", 131_072],
  ["xai/grok-", 131_072],
];

/** Returns the window of a model, in tokens; null: it is not known. */
export function modelWindow(model: string): number | null {
  return WINDOWS.find(([prefix]) => model.startsWith(prefix))?.[1] ?? null;
}

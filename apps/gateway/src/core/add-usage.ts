import type { Usage } from "@hsafa/protocol";
import { roundedUsd } from "./priced-usage.ts";

const COUNTS = ["inputTokens", "outputTokens", "totalTokens", "reasoningTokens", "cachedInputTokens"] as const;

/** The sum of two usages. A count that neither has stays absent. */
export function addUsage(left: Usage, right: Usage): Usage {
  const counts = COUNTS.flatMap((name) => {
    const [a, b] = [left[name], right[name]];
    return a === undefined && b === undefined ? [] : [[name, (a ?? 0) + (b ?? 0)] as const];
  });
  const { costUsd } = left;
  const cost =
    costUsd === undefined && right.costUsd === undefined
      ? {}
      : { costUsd: roundedUsd((costUsd ?? 0) + (right.costUsd ?? 0)) };
  return { ...Object.fromEntries(counts), ...cost };
}

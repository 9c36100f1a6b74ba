import type { StartLimits, Usage, WithheldUse } from "@hsafa/protocol";
import { roundedUsd } from "./priced-usage.ts";
import { tokensOf } from "./quotas.ts";
import type { RunBody } from "./run-state.ts";

/** What a run that ends now leaves below it: what its open children were left, and what was withheld before. */
export function withheldBelow({ openChildren, withheld }: Pick<RunBody, "openChildren" | "withheld">): WithheldUse {
  return [...openChildren.values()].map(({ limits }) => limits).reduce(addWithheld, withheld);
}

/** What a child has not used of what it was left. It is withheld when nobody can tell what those below it were left. */
export function restOf({ tokens, costUsd }: StartLimits, usage: Usage): WithheldUse {
  return {
    ...(tokens === undefined ? {} : { tokens: Math.max(0, tokens - tokensOf(usage)) }),
    ...(costUsd === undefined ? {} : { costUsd: roundedUsd(Math.max(0, costUsd - (usage.costUsd ?? 0))) }),
  };
}

/** Both together. */
export function addWithheld(one: WithheldUse, other: WithheldUse): WithheldUse {
  const tokens = (one.tokens ?? 0) + (other.tokens ?? 0);
  const costUsd = roundedUsd((one.costUsd ?? 0) + (other.costUsd ?? 0));
  return { ...(tokens > 0 ? { tokens } : {}), ...(costUsd > 0 ? { costUsd } : {}) };
}

import type { FactData, StartLimits } from "@hsafa/protocol";
import type { ModelPrices } from "../../src/core/priced-usage.ts";
import { AGENT_LIMITS, MODEL_NAME } from "./agent.ts";
import { EPOCH_MS } from "./machine.ts";
import { originOf } from "./check-forks.ts";
import { lateMsMax } from "./late-ms-max.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import { dataOf, type RunHistory } from "./run-history.ts";

/** What one token of output costs there, in US dollars: a power of two, so that sums are exact. */
const TOKEN_USD = 0.25;

/** What the gateways of such a world know of prices. */
export const PRICES: ModelPrices = new Map([[MODEL_NAME, { input: 0, output: TOKEN_USD * 1_000_000 }]]);
/** For a bug: everything is free. */
export const FREE: ModelPrices = new Map([[MODEL_NAME, { input: 0, output: 0 }]]);

/** What one start narrows. */
export function drawnLimits(random: Random): StartLimits {
  const maybe = (name: keyof StartLimits, values: readonly number[]): object =>
    random.chance(0.4) ? { [name]: random.pick(values) } : {};
  return {
    ...maybe("maxSteps", [1, 2, 3]),
    ...maybe("tokens", [1, 8, 20]),
    ...maybe("costUsd", [0.25, 2, 5]),
    ...maybe("wallTimeMs", [300, 2000, 8000, 30_000]),
    ...maybe("toolCalls", [0, 1, 2, 3]),
  };
}

/** What the start of a run narrowed. A fork has that of the run from which it was forked. */
function narrowedBy(recorder: Recorder, runId: string): StartLimits | undefined {
  const origin = originOf(recorder.history(runId));
  return origin === null ? recorder.limits.get(runId) : narrowedBy(recorder, origin.runId);
}

/** What a run has used up to some fact, counted from its facts alone. */
interface Used {
  maxSteps: number;
  tokens: number;
  costUsd: number;
  wallTimeMs: number;
  toolCalls: number;
}

/**
 * A run exceeds its limits by one step at most, ends by them for a reason, and ends in time. `healedAt`: when all
 * faults were over, in virtual ms; 0: there were none; null: nothing is said of when it ends.
 */
export function checkLimits(
  recorder: Recorder,
  { runId, facts, losses }: RunHistory,
  { leaseDurationMs, healedAt }: { readonly leaseDurationMs: number; readonly healedAt: number | null },
): void {
  const [created] = facts;
  // A child has what its parent left it.
  const narrowed = created === undefined ? {} : (dataOf(created)["limits"] as StartLimits | undefined);
  const limits = { maxSteps: Number.POSITIVE_INFINITY, ...AGENT_LIMITS, ...narrowed, ...narrowedBy(recorder, runId) };
  const startedAt = facts.find((fact) => fact.type === "run.started")?.ts ?? Number.POSITIVE_INFINITY;
  const used: Used = { maxSteps: 0, tokens: 0, costUsd: 0, wallTimeMs: 0, toolCalls: 0 };
  const fail = (what: string): void => recorder.fail("limits", `${runId} ${what}: ${JSON.stringify({ limits, used })}`);
  for (const fact of facts) {
    used.wallTimeMs = Math.max(0, fact.ts - startedAt);
    switch (fact.type) {
      case "step.started":
        for (const name of ["maxSteps", "tokens", "costUsd", "wallTimeMs"] as const)
          if (used[name] >= limits[name]) fail(`began a step with its ${name} used up`);
        if (used.toolCalls > limits.toolCalls) fail("began a step after too many calls");
        break;
      case "step.completed": {
        const { usage } = dataOf(fact) as { usage: { outputTokens: number; costUsd?: number } };
        used.maxSteps += 1;
        used.tokens += usage.outputTokens;
        used.costUsd += usage.outputTokens * TOKEN_USD;
        if (usage.costUsd !== usage.outputTokens * TOKEN_USD) fail(`says that a step cost ${usage.costUsd}`);
        break;
      }
      case "child.ended": {
        const { usage, withheld } = dataOf(fact) as unknown as FactData["child.ended"];
        used.tokens += (usage.totalTokens ?? 0) + (withheld?.tokens ?? 0);
        used.costUsd += (usage.costUsd ?? 0) + (withheld?.costUsd ?? 0);
        break;
      }
      case "tool.requested":
        used.toolCalls += 1;
        break;
      case "tool.dispatched":
        if (used.toolCalls > limits.toolCalls) fail("sent a call beyond its limit");
        break;
      default:
        break;
    }
  }
  const last = facts.at(-1);
  if (last === undefined) return;
  const { error } = dataOf(last) as {
    error?: { code: string; data?: { limit: keyof Used; max: number; used: number } };
  };
  if (error?.code === "limit_exceeded" || error?.code === "max_steps_reached") {
    const { data } = error;
    if (data === undefined || data.used !== used[data.limit] || data.max !== limits[data.limit] || data.used < data.max)
      fail(`says of its end ${JSON.stringify(data)}`);
    else recorder.counts.limitEnds += 1;
  }
  const endsBy = Math.max(startedAt + limits.wallTimeMs, EPOCH_MS + (healedAt ?? Number.POSITIVE_INFINITY));
  if (last.ts > endsBy + lateMsMax({ losses }, { leaseDurationMs, healedAt }))
    fail(`ended ${last.ts - endsBy} ms late`);
}

import type { Failure } from "@hsafa/protocol";
import type { LimitName } from "./granted-limits.ts";
import { roundedUsd } from "./priced-usage.ts";
import { ownSteps, type RunBody, type RunState } from "./run-state.ts";

/**
 * When a run has used what it may.
 *
 * 1. Tokens, cost and steps are known when a step is over. A run that has used as much as it may begins no further
 *    step, so it exceeds them by one step at most. What its children spent counts when they have ended, and so does
 *    what they leave to runs below them that have not.
 * 2. A step that asks for more tool calls than are left executes none of them.
 * 3. A model that has had its last word has answered, whatever that took (`core/proceed.ts`).
 */

/** A limit that ends runs. The depth does not: a call that would go deeper fails. */
type ReachableLimit = Exclude<LimitName, "maxDepth">;

/** A limit that a run has reached. */
export interface ReachedLimit {
  readonly limit: ReachableLimit;
  readonly max: number;
  readonly used: number;
}

/** When the time of a run is over, in ms; null: it has not begun, or has all the time. */
export function timeOverAt({ startedAt, limits }: RunBody): number | null {
  return startedAt === null || limits.wallTimeMs === undefined ? null : startedAt + limits.wallTimeMs;
}

/** Whether a run that has not ended has used up its time. */
export function isOutOfTime({ phase, run }: RunState, now: number): boolean {
  const end = timeOverAt(run);
  return phase !== "ended" && end !== null && now >= end;
}

/** The limit that ends a run whose model has more to do, if there is one (1., 2.). Steps have a rule of their own. */
export function reachedLimit(run: RunBody, now: number): ReachedLimit | null {
  const { limits, tokens, usage, childrenUsage, withheld, toolCalls, startedAt } = run;
  const end = timeOverAt(run);
  if (end !== null && now >= end)
    return { limit: "wallTimeMs", max: limits.wallTimeMs ?? 0, used: now - (startedAt ?? now) };
  if (limits.tokens !== undefined && tokens >= limits.tokens)
    return { limit: "tokens", max: limits.tokens, used: tokens };
  const costUsd = roundedUsd((usage.costUsd ?? 0) + (childrenUsage.costUsd ?? 0) + (withheld.costUsd ?? 0));
  if (limits.costUsd !== undefined && costUsd >= limits.costUsd)
    return { limit: "costUsd", max: limits.costUsd, used: costUsd };
  if (limits.toolCalls !== undefined && toolCalls > limits.toolCalls)
    return { limit: "toolCalls", max: limits.toolCalls, used: toolCalls };
  return null;
}

/** Why a run ends that has reached a limit and whose model had not finished. */
export function limitExceeded({ limit, max, used }: ReachedLimit): Failure {
  return { code: "limit_exceeded", message: `${sentence(limit, max, used)}.`, data: { limit, max, used } };
}

function sentence(limit: ReachableLimit, max: number, used: number): string {
  switch (limit) {
    case "maxSteps":
      return `The run took ${used} steps of ${max}, and the model had not finished`;
    case "tokens":
      return `The run used ${used} tokens of ${max}, and the model had not finished`;
    case "costUsd":
      return `The run cost ${used} US dollars of ${max}, and the model had not finished`;
    case "wallTimeMs":
      return `The run took ${used} ms of ${max}, and had not finished`;
    case "toolCalls":
      return `The model asked for ${used} tool calls in all, and the run may have ${max}`;
    default:
      return limit satisfies never;
  }
}

/** Why a run ends that has taken all its steps. The code is older than the other limits. */
export function maxStepsReached(run: RunBody): Failure {
  const [used, max] = [ownSteps(run), run.limits.maxSteps];
  const message = `The run took ${used} steps, as many as maxSteps allows, and the model had not finished.`;
  return { code: "max_steps_reached", message, data: { limit: "maxSteps", max, used } };
}

/** Whether the model has taken as many steps as it may. Steps that summarise, or were taken over, do not count. */
export function isOutOfSteps(run: RunBody): boolean {
  return ownSteps(run) >= run.limits.maxSteps;
}

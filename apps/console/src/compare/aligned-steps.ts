/**
 * Steps of two runs, beside each other. Steps that call the same tools belong together, so that one more step in a run
 * does not shift all that follow. It is pure.
 */
import { ALIGNED_STEPS_MAX, STEP_GAP_COST } from "../limits.ts";
import type { ComparedCall, ComparedStep } from "./compared-steps.ts";

/** Two of a kind; null: one of the runs has none. */
export interface Pair<Item> {
  readonly a: Item | null;
  readonly b: Item | null;
}

/** One thing that is compared, as lines. */
export interface Aspect {
  readonly name: string;
  readonly a: string;
  readonly b: string;
}

/** Aligns the steps of two runs. Of longer runs than `ALIGNED_STEPS_MAX` they are taken by their order. */
export function alignedSteps(a: readonly ComparedStep[], b: readonly ComparedStep[]): Pair<ComparedStep>[] {
  if (a.length > ALIGNED_STEPS_MAX || b.length > ALIGNED_STEPS_MAX) {
    return Array.from({ length: Math.max(a.length, b.length) }, (_, index) => ({
      a: a[index] ?? null,
      b: b[index] ?? null,
    }));
  }
  const costs = costsOf(a, b);
  const pairs: Pair<ComparedStep>[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [one, other] = [a[i] ?? null, b[j] ?? null];
    const left = costs[i]?.[j] ?? 0;
    if (one !== null && other !== null && left === changeCost(one, other) + (costs[i + 1]?.[j + 1] ?? 0)) {
      pairs.push({ a: one, b: other });
      i += 1;
      j += 1;
    } else if (one !== null && left === STEP_GAP_COST + (costs[i + 1]?.[j] ?? Infinity)) {
      pairs.push({ a: one, b: null });
      i += 1;
    } else {
      pairs.push({ a: null, b: other });
      j += 1;
    }
  }
  return pairs;
}

/** How unlike two steps are. Two gaps cost more than a step that calls otherwise, and less than two of those. */
function changeCost(a: ComparedStep, b: ComparedStep): number {
  if (toolsOf(a) !== toolsOf(b)) return 3;
  return a.said === b.said ? 0 : 1;
}

function toolsOf({ calls }: ComparedStep): string {
  return calls
    .map(({ toolName }) => toolName)
    .toSorted()
    .join(" ");
}

/** `costs[i][j]`: what it costs to align the steps from `i` and from `j` on. */
function costsOf(a: readonly ComparedStep[], b: readonly ComparedStep[]): number[][] {
  const costs = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0));
  for (let i = a.length; i >= 0; i -= 1) {
    const row = costs[i] ?? [];
    for (let j = b.length; j >= 0; j -= 1) {
      const [one, other] = [a[i], b[j]];
      if (one === undefined || other === undefined) row[j] = STEP_GAP_COST * (a.length - i + b.length - j);
      else {
        row[j] = Math.min(
          changeCost(one, other) + (costs[i + 1]?.[j + 1] ?? 0),
          STEP_GAP_COST + (costs[i + 1]?.[j] ?? 0),
          STEP_GAP_COST + (row[j + 1] ?? 0),
        );
      }
    }
  }
  return costs;
}

/** Pairs calls of one tool, in their order. */
export function pairedCalls(a: readonly ComparedCall[], b: readonly ComparedCall[]): Pair<ComparedCall>[] {
  const left = [...b];
  const pairs = a.map((call): Pair<ComparedCall> => {
    const at = left.findIndex(({ toolName }) => toolName === call.toolName);
    return { a: call, b: at < 0 ? null : (left.splice(at, 1)[0] ?? null) };
  });
  return [...pairs, ...left.map((call) => ({ a: null, b: call }))];
}

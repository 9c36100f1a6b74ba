import { loadavg } from "node:os";
import type { FromWatchWorker, Interruption, InterruptionCost, ToWatchWorker } from "./messages.ts";
import type { Stage } from "./stage.ts";

/** Asks every process of watchers the same question, one question at a time. */
async function ask<A extends Extract<FromWatchWorker, { kind: "costs" | "lags" }>>(
  stage: Stage,
  question: ToWatchWorker,
): Promise<A[]> {
  const answers = stage.watchWorkers.map(
    (worker) =>
      new Promise<A>((resolve) => {
        worker.onMessage((message) => {
          if (message.kind === question.kind) resolve(message as A);
        });
        worker.tell(question);
      }),
  );
  return Promise.all(answers);
}

/** What interruptions of this kind cost, over all of them. */
export async function costsOf(
  stage: Stage,
  interruptions: readonly Interruption[],
  kind: Interruption["kind"],
): Promise<InterruptionCost> {
  const asked = interruptions.filter((interruption) => interruption.kind === kind);
  const answers = await ask<Extract<FromWatchWorker, { kind: "costs" }>>(stage, {
    kind: "costs",
    interruptions: asked,
  });
  const costs = answers.flatMap((answer) => answer.costs);
  return {
    nextEvent: costs.flatMap(({ nextEvent }) => nextEvent),
    nextSeen: costs.flatMap(({ nextSeen }) => nextSeen),
    takenUp: costs.flatMap(({ takenUp }) => takenUp),
    longestSilence: costs.flatMap(({ longestSilence }) => longestSilence),
  };
}

/** How late events that were made within these windows came to those who watched all along. */
export async function lagsOf(
  stage: Stage,
  windows: readonly { readonly from: number; readonly until: number }[],
): Promise<number[]> {
  const answers = await ask<Extract<FromWatchWorker, { kind: "lags" }>>(stage, { kind: "lags", windows });
  return answers.flatMap(({ lags }) => lags);
}

/** The value that a share of all does not exceed; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

export function figures(values: readonly number[]): string {
  if (values.length === 0) return "none";
  const at = (share: number): string => `${Math.round(quantile(values, share))}`;
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (n=${values.length})`;
}

export function loadAverage(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(" ");
}

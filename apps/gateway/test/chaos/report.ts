import { loadavg } from "node:os";
import type { FromWatchWorker, Interruption, InterruptionCost, ToWatchWorker } from "./messages.ts";
import type { Stage } from "./stage.ts";

/** Sends a question to every process of watchers, and returns their answers. One question at a time. */
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

/** Returns what all interruptions of this kind cost together. */
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

/** Returns how late the events of these windows came to watchers that were connected, in milliseconds. */
export async function lagsOf(
  stage: Stage,
  windows: readonly { readonly from: number; readonly until: number }[],
): Promise<number[]> {
  const answers = await ask<Extract<FromWatchWorker, { kind: "lags" }>>(stage, { kind: "lags", windows });
  return answers.flatMap(({ lags }) => lags);
}

/** Returns the value that a share of all values does not exceed; 0 if there are none. */
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

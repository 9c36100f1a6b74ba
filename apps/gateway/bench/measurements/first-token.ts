import { quantile } from "../quantile.ts";
import { rotated } from "../rotated.ts";
import type { Ratio, Report } from "../report.ts";
import { hsafa, hsafaInTwo, pipe, pushAgent, resumable, type Subject } from "../subjects.ts";
import type { Systems } from "../systems.ts";
import type { Measurement } from "./measurement.ts";
import { onSystems } from "./on-systems.ts";

const RUNS = 40;
const WARM_UP = 10;
/** How long the model thinks. Meanwhile a gateway may do its own work. */
const FIRST_MS = [0, 300];
const TIMES_AIM = 1.5;
const LATER_MS_AIM = 5;

/** What a user waits for: the time from the request to the first token. */
export const firstToken: Measurement = {
  name: "first-token",
  does: "the first token of a run, of a model that answers at once and after 300 ms",
  measure: onSystems(async (systems) => {
    const reports: Report[] = [];
    for (const firstMs of FIRST_MS) reports.push(await measureOne(systems, firstMs));
    return reports;
  }),
};

async function measureOne({ gateway, pipe: piped, resumable: kept, key }: Systems, firstMs: number): Promise<Report> {
  const model = `1x0x${firstMs}`;
  await pushAgent(gateway.url, key, model);
  const subjects = [pipe(piped.url), resumable(kept.url), hsafa(gateway.url, key), hsafaInTwo(gateway.url, key)];
  const figures = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let turn = -WARM_UP; turn < RUNS; turn += 1) {
    // Who comes next finds the processor's caches as the one before has left them, so each comes next to each.
    for (const subject of rotated(subjects, turn + WARM_UP)) {
      const ms = await untilFirst(subject, model);
      if (turn >= 0) figures.get(subject.name)?.push(ms);
    }
  }
  const p50 = (name: string): number => quantile(figures.get(name) ?? [], 0.5);
  const title =
    firstMs === 0 ? "first token of a model that answers at once" : `first token, model after ${firstMs} ms`;
  const later: Ratio = {
    what: `pipe, ${title}: later by`,
    value: p50("hsafa") - p50("pipe"),
    unit: " ms",
    aim: { kind: "at most", value: LATER_MS_AIM },
  };
  const times: Ratio = {
    what: `resumable-stream, ${title}: p50`,
    value: p50("hsafa") / p50("resumable-stream"),
    unit: "x",
    aim: { kind: "at most", value: TIMES_AIM },
  };
  return {
    title,
    table: [
      ["", "p50 ms", "p90 ms"],
      ...[...figures].map(([name, ms]) => [name, quantile(ms, 0.5).toFixed(1), quantile(ms, 0.9).toFixed(1)]),
    ],
    ratios: [firstMs === 0 ? times : later],
  };
}

async function untilFirst(subject: Subject, model: string): Promise<number> {
  const begin = performance.now();
  const { firstAtMs } = await subject.follow(model);
  if (firstAtMs === null) throw new Error(`${subject.name}: no token came through.`);
  return firstAtMs - begin;
}

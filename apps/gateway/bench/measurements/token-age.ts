import { quantile } from "../quantile.ts";
import type { Ratio, Report } from "../report.ts";
import { direct, hsafa, pipe, pushAgent, resumable, type Subject } from "../subjects.ts";
import type { System } from "../system.ts";
import type { Systems } from "../systems.ts";
import type { Measurement } from "./measurement.ts";
import { onSystems } from "./on-systems.ts";

interface Load {
  readonly title: string;
  readonly streams: number;
  readonly tokens: number;
  /** 0: the model writes as fast as it can. */
  readonly everyMs: number;
}

const LOADS: readonly Load[] = [
  { title: "one stream, 100 tokens/s", streams: 1, tokens: 400, everyMs: 10 },
  { title: "50 streams started at once, 50 tokens/s each", streams: 50, tokens: 250, everyMs: 20 },
  { title: "one stream, flat out", streams: 1, tokens: 40_000, everyMs: 0 },
  { title: "8 streams, flat out", streams: 8, tokens: 10_000, everyMs: 0 },
];
const ROUNDS = 3;

/** Aims of a paced load with many streams, and of a load without a pace. */
const P50_AIM = 1.5;
const P99_AIM = 2;
const CPU_AIM = 1;
const SPEED_AIM = 3;

interface Figures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly tokensPerSecond: number;
  /** Not a number where nothing is in between. */
  readonly tokensPerCpuSecond: number;
}

/** How late a token comes from the model's socket to the watcher's, and how much CPU it costs. */
export const tokenAge: Measurement = {
  name: "token-age",
  does: "age and CPU of tokens: one stream, 50 at once, and flat out",
  measure: onSystems(async (systems) => {
    const reports: Report[] = [];
    for (const load of LOADS) reports.push(await measureLoad(systems, load));
    return reports;
  }),
};

async function measureLoad(
  { model, pipe: piped, resumable: kept, gateway, key }: Systems,
  load: Load,
): Promise<Report> {
  await pushAgent(gateway.url, key, scriptOf(load));
  const subjects: (readonly [Subject, System | null])[] = [
    [direct(model.url), null],
    [pipe(piped.url), piped],
    [hsafa(gateway.url, key), gateway],
  ];
  // Flat out it loses tokens.
  if (load.everyMs > 0) subjects.splice(2, 0, [resumable(kept.url), kept]);
  const rounds = new Map<string, Figures[]>(subjects.map(([subject]) => [subject.name, []]));
  // The first round warms every process up, and is not counted.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [subject, system] of subjects) {
      const figures = await follow(subject, system, load);
      if (round > 0) rounds.get(subject.name)?.push(figures);
    }
  }
  const medians = new Map([...rounds].map(([name, figures]) => [name, mediansOf(figures)]));
  return {
    title: load.title,
    table: [
      ["", "p50 ms", "p99 ms", "tokens/s", "tokens per CPU s"],
      ...[...medians].map(([name, { p50Ms, p99Ms, tokensPerSecond, tokensPerCpuSecond }]) => [
        name,
        p50Ms.toFixed(2),
        p99Ms.toFixed(1),
        whole(tokensPerSecond),
        whole(tokensPerCpuSecond),
      ]),
    ],
    ratios: ratiosOf(load, medians.get("hsafa"), medians.get("pipe")),
  };
}

async function follow(subject: Subject, system: System | null, load: Load): Promise<Figures> {
  const cpuBefore = system?.cpuSeconds();
  const begin = performance.now();
  const readers = await Promise.all(Array.from({ length: load.streams }, () => subject.follow(scriptOf(load))));
  const seconds = (performance.now() - begin) / 1000;
  const cpuSeconds = (system?.cpuSeconds() ?? Number.NaN) - (cpuBefore ?? Number.NaN);
  const latenciesMs = readers.flatMap((reader) => reader.latenciesMs);
  const expected = load.streams * load.tokens;
  if (latenciesMs.length !== expected)
    throw new Error(`${subject.name}: ${latenciesMs.length} of ${expected} tokens came through.`);
  return {
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    tokensPerSecond: expected / seconds,
    tokensPerCpuSecond: expected / cpuSeconds,
  };
}

function mediansOf(figures: readonly Figures[]): Figures {
  const median = (of: (figures: Figures) => number): number => quantile(figures.map(of), 0.5);
  return {
    p50Ms: median(({ p50Ms }) => p50Ms),
    p99Ms: median(({ p99Ms }) => p99Ms),
    tokensPerSecond: median(({ tokensPerSecond }) => tokensPerSecond),
    tokensPerCpuSecond: median(({ tokensPerCpuSecond }) => tokensPerCpuSecond),
  };
}

function ratiosOf({ title, streams, everyMs }: Load, ours?: Figures, piped?: Figures): Ratio[] {
  if (ours === undefined || piped === undefined) return [];
  const isMany = streams > 1;
  const cpu: Ratio = {
    what: `pipe, ${title}: CPU per token`,
    value: piped.tokensPerCpuSecond / ours.tokensPerCpuSecond,
    unit: "x",
    aim: isMany ? { kind: "at most", value: CPU_AIM } : null,
  };
  if (everyMs === 0) {
    const value = ours.tokensPerSecond / piped.tokensPerSecond;
    return [{ what: `pipe, ${title}: tokens/s`, value, unit: "x", aim: { kind: "at least", value: SPEED_AIM } }, cpu];
  }
  return [
    {
      what: `pipe, ${title}: age p50`,
      value: ours.p50Ms / piped.p50Ms,
      unit: "x",
      aim: isMany ? { kind: "at most", value: P50_AIM } : null,
    },
    {
      what: `pipe, ${title}: age p99`,
      value: ours.p99Ms / piped.p99Ms,
      unit: "x",
      aim: isMany ? { kind: "at most", value: P99_AIM } : null,
    },
    cpu,
  ];
}

function scriptOf({ tokens, everyMs }: Load): string {
  return `${tokens}x${everyMs}`;
}

function whole(value: number): string {
  return Number.isNaN(value) ? "–" : Math.round(value).toLocaleString("en");
}

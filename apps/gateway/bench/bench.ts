/**
 * `npm run bench` measures how late a token comes from the model's socket to the watcher's, and how much CPU it costs.
 * It compares hsafa, with its writes to Postgres and Redis, with the AI SDK's `streamText` piped into an HTTP response.
 * The rounds of the subjects alternate in one run on one machine. So the ratios hold elsewhere, unlike absolute
 * figures.
 */
import { randomBytes } from "node:crypto";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { startPrivatePostgres } from "../test/services/postgres-server.ts";
import { startPrivateRedis } from "../test/services/redis-server.ts";
import { direct, hsafa, pipe, pushAgent, type Subject } from "./subjects.ts";
import { startSystem, type System } from "./system.ts";

interface Load {
  readonly title: string;
  readonly streams: number;
  readonly tokens: number;
  readonly everyMs: number;
}

const LOADS: readonly Load[] = [
  { title: "one stream, 100 tokens/s", streams: 1, tokens: 400, everyMs: 10 },
  { title: "50 streams, 50 tokens/s each", streams: 50, tokens: 250, everyMs: 20 },
  { title: "one stream, flat out", streams: 1, tokens: 40_000, everyMs: 0 },
  { title: "8 streams, flat out", streams: 8, tokens: 10_000, everyMs: 0 },
];
const ROUNDS = 3;

interface Figures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly tokensPerSecond: number;
  readonly tokensPerCpuSecond: number | null;
}

async function measure(subject: Subject, system: System | null, load: Load): Promise<Figures> {
  const cpuBefore = (await system?.cpuSeconds()) ?? 0;
  const begin = performance.now();
  const model = `${load.tokens}x${load.everyMs}`;
  const readers = await Promise.all(Array.from({ length: load.streams }, () => subject.follow(model)));
  const seconds = (performance.now() - begin) / 1000;
  const cpuSeconds = ((await system?.cpuSeconds()) ?? 0) - cpuBefore;
  const latencies = readers.flatMap((reader) => reader.latenciesMs).toSorted((a, b) => a - b);
  const expected = load.streams * load.tokens;
  if (latencies.length !== expected)
    throw new Error(`${subject.name}: ${latencies.length} of ${expected} tokens came through.`);
  return {
    p50Ms: latencies[Math.floor(expected * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(expected * 0.99)] ?? 0,
    tokensPerSecond: expected / seconds,
    tokensPerCpuSecond: system === null ? null : expected / cpuSeconds,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function medians(figures: readonly Figures[]): Figures {
  const cpu = figures.flatMap(({ tokensPerCpuSecond }) => (tokensPerCpuSecond === null ? [] : [tokensPerCpuSecond]));
  return {
    p50Ms: median(figures.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(figures.map(({ p99Ms }) => p99Ms)),
    tokensPerSecond: median(figures.map(({ tokensPerSecond }) => tokensPerSecond)),
    tokensPerCpuSecond: cpu.length === 0 ? null : median(cpu),
  };
}

const whole = (value: number | null): string => (value === null ? "–" : Math.round(value).toLocaleString("en"));
const row = (cells: readonly string[]): string =>
  cells.map((cell, index) => (index === 0 ? cell.padEnd(18) : cell.padStart(16))).join("");

function report(load: Load, results: ReadonlyMap<string, Figures>): void {
  console.log(`\n${load.title}`);
  console.log(row(["", "p50 ms", "p99 ms", "tokens/s", "tokens/CPU s"]));
  for (const [name, { p50Ms, p99Ms, tokensPerSecond, tokensPerCpuSecond }] of results) {
    console.log(row([name, p50Ms.toFixed(3), p99Ms.toFixed(3), whole(tokensPerSecond), whole(tokensPerCpuSecond)]));
  }
  const [floor, piped, ours] = [...results.values()];
  if (floor === undefined || piped === undefined || ours === undefined) return;
  const ratio = (value: number): string => `${value.toFixed(2)}x`;
  const cpu = (piped.tokensPerCpuSecond ?? Number.NaN) / (ours.tokensPerCpuSecond ?? Number.NaN);
  if (load.everyMs === 0) {
    console.log(
      `hsafa / pipe: speed ${ratio(ours.tokensPerSecond / piped.tokensPerSecond)}, CPU per token ${ratio(cpu)}`,
    );
    return;
  }
  const gain = (figures: Figures): string => `${(figures.p50Ms - floor.p50Ms).toFixed(3)} ms`;
  console.log(`gained over direct (p50): pipe ${gain(piped)}, hsafa ${gain(ours)}`);
  console.log(
    `hsafa / pipe: latency p50 ${ratio(ours.p50Ms / piped.p50Ms)}, p99 ${ratio(ours.p99Ms / piped.p99Ms)}, CPU per token ${ratio(cpu)}`,
  );
}

const near = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const key = `hsafa_${randomBytes(32).toString("base64url")}`;
const postgres = await startPrivatePostgres();
const redis = await startPrivateRedis();
const systems: System[] = [];
try {
  const started = async (...params: Parameters<typeof startSystem>): Promise<System> => {
    const system = await startSystem(...params);
    systems.push(system);
    return system;
  };
  const modelServer = await started(near("model-server.ts"));
  const pipeServer = await started(near("pipe.ts"), [modelServer.url]);
  const gateway = await started(near("../src/main.ts"), [], {
    PORT: "0",
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    HSAFA_ADMIN_KEY: key,
    OPENAI_COMPATIBLE_BASE_URL: modelServer.url,
    OPENAI_COMPATIBLE_API_KEY: "none",
  });
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "CPU"}; medians of ${ROUNDS} rounds.`);
  console.log(
    "All processes share the machine: model server, subject, watcher, and for hsafa Postgres (fsync off) and Redis.",
  );
  console.log("CPU is that of the subject's own process.");
  const subjects: readonly (readonly [Subject, System | null])[] = [
    [direct(modelServer.url), null],
    [pipe(pipeServer.url), pipeServer],
    [hsafa(gateway.url, key), gateway],
  ];
  for (const load of LOADS) {
    await pushAgent(gateway.url, key, `${load.tokens}x${load.everyMs}`);
    const results = new Map<string, Figures[]>(subjects.map(([subject]) => [subject.name, []]));
    // The first round warms every process up, and is not counted.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [subject, system] of subjects) {
        const figures = await measure(subject, system, load);
        if (round > 0) results.get(subject.name)?.push(figures);
      }
    }
    report(load, new Map([...results].map(([name, figures]) => [name, medians(figures)])));
  }
} finally {
  for (const system of systems.toReversed()) await system.stop();
  await Promise.all([postgres.remove(), redis.remove()]);
}
process.exit(0);

/**
 * `npm run simulate -- --seeds N --from S`: plays so many seeds on all cores, tells what failed, and how fast it went.
 * With `--trace`, one seed is played and everything that happens in it is told; with `--kept`, as it is in `seeds.ts`.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type Play, REGRESSIONS } from "./seeds.ts";
import { type Outcome, playSeed } from "./world.ts";

/** Seeds that a worker is given at a time. */
const BATCH = 20;
/** How often progress is told, in ms. */
const PROGRESS_MS = 10_000;

interface Totals {
  seeds: number;
  failed: number;
  runs: number;
  facts: number;
  steps: number;
  virtualMs: number;
  recoveries: number;
  frozenHolders: number;
  staleWritesRefused: number;
  laggingReads: number;
  longInboxes: number;
  contestedResults: number;
  lostCalls: number;
  poisonings: number;
  readonly faults: Map<string, number>;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      workers: { type: "string", default: String(availableParallelism()) },
      trace: { type: "boolean", default: false },
      kept: { type: "boolean", default: false },
    },
  });
  const [count, from, workers] = [values.seeds, values.from, values.workers].map(wholeNumber);
  if (count === undefined || from === undefined || workers === undefined) throw new Error("three numbers were read");
  if (values.trace) return trace(playOf(from, values.kept));
  const wanted: Play[] = [...REGRESSIONS, ...Array.from({ length: count }, (_, index) => ({ seed: from + index }))];
  const all = wanted.length;
  const startedAt = performance.now();
  const totals: Totals = {
    seeds: 0,
    failed: 0,
    runs: 0,
    facts: 0,
    steps: 0,
    virtualMs: 0,
    recoveries: 0,
    frozenHolders: 0,
    staleWritesRefused: 0,
    laggingReads: 0,
    longInboxes: 0,
    contestedResults: 0,
    lostCalls: 0,
    poisonings: 0,
    faults: new Map(),
  };
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  const progress = setInterval(() => {
    console.log(
      `${totals.seeds} of ${all} seeds, ${totals.failed} failed, ${(totals.seeds / seconds()).toFixed(1)} seeds/s`,
    );
  }, PROGRESS_MS);
  await Promise.all(Array.from({ length: Math.max(1, workers) }, () => serve(wanted, totals)));
  clearInterval(progress);
  const faults = [...totals.faults].map(([kind, times]) => `${kind} ${times}`);
  console.log(`faults: ${faults.join(", ")}`);
  console.log(
    `${totals.runs} runs, ${totals.facts} facts, ${totals.recoveries} recoveries, ${totals.steps} steps, ${(totals.virtualMs / 3_600_000).toFixed(1)} virtual hours`,
  );
  console.log(
    `${totals.frozenHolders} freezes of a gateway that held runs; stale writes refused: ${totals.staleWritesRefused}; that counted: ${totals.failed === 0 ? "none" : "see above"}`,
  );
  console.log(
    `${totals.laggingReads} pages read by watchers behind what was evicted; ${totals.longInboxes} reads of an inbox longer than a read; ${totals.contestedResults} accepted results beside a cancel or the loss of their call; ${totals.lostCalls} calls lost by their devices; ${totals.poisonings} gateways dead of a run they took up`,
  );
  console.log(
    `${totals.seeds} seeds, ${totals.failed} failed, in ${seconds().toFixed(1)} s: ${(totals.seeds / seconds()).toFixed(1)} seeds/s`,
  );
  return totals.failed === 0 ? 0 : 1;
}

/** Keeps one worker busy until no seed is left. */
function serve(wanted: Play[], totals: Totals): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: "play" });
  let sent: Play[] = [];
  return new Promise((resolve, reject) => {
    const next = (): void => {
      sent = wanted.splice(0, BATCH);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread is no window: it has no origin.
      if (sent.length > 0) worker.postMessage(sent);
      else worker.terminate().then(() => resolve(), reject);
    };
    worker.on("message", (outcomes: readonly Outcome[]) => {
      for (const [index, outcome] of outcomes.entries()) {
        const wasSent = sent[index];
        add(totals, outcome, wasSent !== undefined && REGRESSIONS.includes(wasSent));
      }
      next();
    });
    worker.on("error", reject);
    next();
  });
}

function add(totals: Totals, outcome: Outcome, isKept: boolean): void {
  totals.seeds += 1;
  totals.runs += outcome.runs;
  totals.facts += outcome.facts;
  totals.steps += outcome.steps;
  totals.virtualMs += outcome.virtualMs;
  totals.recoveries += outcome.recoveries;
  totals.frozenHolders += outcome.frozenHolders;
  totals.staleWritesRefused += outcome.staleWritesRefused;
  totals.laggingReads += outcome.laggingReads;
  totals.longInboxes += outcome.longInboxes;
  totals.contestedResults += outcome.contestedResults;
  totals.lostCalls += outcome.lostCalls;
  totals.poisonings += outcome.poisonings;
  for (const [kind, times] of Object.entries(outcome.faults)) {
    totals.faults.set(kind, (totals.faults.get(kind) ?? 0) + times);
  }
  if (outcome.violations.length === 0) return;
  totals.failed += 1;
  console.log(
    `seed ${outcome.seed} failed (replay: npm run simulate -- --trace${isKept ? " --kept" : ""} --from ${outcome.seed})`,
  );
  for (const violation of outcome.violations) console.log(`  ${violation}`);
}

/** A seed as it plays by itself, or as it is kept. */
function playOf(seed: number, isKept: boolean): Play {
  if (!isKept) return { seed };
  const kept = REGRESSIONS.find((candidate) => candidate.seed === seed);
  if (kept === undefined) throw new Error(`no seed ${seed} is kept`);
  return kept;
}

async function trace({ seed, ...options }: Play): Promise<number> {
  const outcome = await playSeed(seed, { ...options, onTrace: (line) => console.log(line) });
  console.log(outcome);
  return outcome.violations.length === 0 ? 0 : 1;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`'${text}' is no whole number`);
  return Number(text);
}

function playBatches(): void {
  parentPort?.on("message", (plays: readonly Play[]) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread is no window: it has no origin.
    void play(plays).then((outcomes) => parentPort?.postMessage(outcomes));
  });
}

async function play(plays: readonly Play[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { seed, ...options } of plays) outcomes.push(await playSeed(seed, options));
  return outcomes;
}

if (isMainThread) process.exitCode = await main();
else if (workerData === "play") playBatches();

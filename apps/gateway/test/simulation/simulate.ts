/**
 * `npm run simulate -- --seeds N --from S`: plays so many seeds on all cores, and prints what failed and how fast it
 * went.
 * With `--with isForking,isUploading` each seed has these traits, beside its own.
 * With `--trace` one seed is played, and everything that happens in it is printed. With `--kept` it is played as it is
 * in `seeds.ts`.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type Play, REGRESSIONS } from "./seeds.ts";
import { NO_TRAITS } from "./traits.ts";
import { type Outcome, type OutcomeCounts, playSeed } from "./play-seed.ts";

/** Seeds that a worker is given at a time. */
const BATCH = 20;
/** How often progress is told, in ms. */
const PROGRESS_MS = 10_000;

/** What became of all seeds so far. */
class Totals {
  seeds = 0;
  failed = 0;
  readonly #startedAt = performance.now();
  readonly #counts = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  #longestWaitMs = 0;

  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  get seedsPerSecond(): string {
    return (this.seeds / this.seconds).toFixed(1);
  }

  add(outcome: Outcome): void {
    this.seeds += 1;
    if (outcome.violations.length > 0) this.failed += 1;
    addTo(this.#counts, outcome.counts);
    this.#longestWaitMs = Math.max(this.#longestWaitMs, outcome.counts.longestWaitMs);
    addTo(this.#faults, outcome.faults);
  }

  lines(): string[] {
    const of = (name: keyof OutcomeCounts): number => this.#counts.get(name) ?? 0;
    return [
      `faults: ${[...this.#faults].map(([kind, times]) => `${kind} ${times}`).join(", ")}`,
      `${of("runs")} runs, ${of("births")} of them born with their lease, ${of("taken")} taken with an answer, ${of("facts")} facts, ${of("recoveries")} recoveries, ${of("steps")} steps, ${(of("virtualMs") / 3_600_000).toFixed(1)} virtual hours`,
      `${of("frozenHolders")} freezes of a gateway that held runs; stale writes refused: ${of("fenced") + of("refusedAppends")}; that counted: ${this.failed === 0 ? "none" : "see above"}`,
      `${of("laggingReads")} pages read by watchers behind what was evicted; ${of("longInboxes")} reads of an inbox longer than a read; ${of("contestedResults")} accepted results beside a cancel or the loss of their call; ${of("lostCalls")} calls lost by their devices, ${of("unexecutedCalls")} expired before anybody took them; ${of("poisonings")} gateways dead of a run they took up`,
      `${of("stalls")} steps that stalled their gateway; ${of("forgiven")} leases lost beside one, and forgiven`,
      `${of("withheld")} claims left runs of a tenant that had its share of the places; the longest wait for a turn beside a hostile tenant: ${Math.round(this.#longestWaitMs)} ms`,
      `${of("limitEnds")} runs ended by a limit; ${of("sleeps")} sleeps ended by waking, after ${of("years")} years without a gateway`,
      `${of("objects")} runs ended with an object; ${of("unfitOutputs")} failed since their model found none that fits`,
      `${of("children")} runs started by others, ${of("orphans")} of them canceled when nobody waited any longer`,
      `${of("searches")} steps in which the provider searched by itself, ${of("pauses")} of them paused`,
      `${of("merged")} messages that entered another run; ${of("rejected")} starts refused on a busy thread; ${of("interrupted")} runs interrupted; ${of("deletedThreads")} threads deleted, ${of("branches")} branched off`,
      `${of("forks")} runs forked, with ${of("reusedCalls")} results reused and ${of("reruns")} calls executed again`,
      `${of("uploads")} files uploaded, ${of("deletedFiles")} deleted; ${of("refusedUploads")} uploads refused for lack of room`,
      `${this.seeds} seeds, ${this.failed} failed, in ${this.seconds.toFixed(1)} s: ${this.seedsPerSecond} seeds/s`,
    ];
  }
}

function addTo(totals: Map<string, number>, counts: object): void {
  for (const [name, count] of Object.entries(counts) as [string, number][])
    totals.set(name, (totals.get(name) ?? 0) + count);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      workers: { type: "string", default: String(availableParallelism()) },
      trace: { type: "boolean", default: false },
      kept: { type: "boolean", default: false },
      with: { type: "string", default: "" },
    },
  });
  const [count, from, workers] = [values.seeds, values.from, values.workers].map(wholeNumber);
  if (count === undefined || from === undefined || workers === undefined) throw new Error("three numbers were read");
  const added = addedTraits(values.with);
  if (values.trace) return trace(playOf(from, values.kept, added));
  const own = Array.from({ length: count }, (_, index): Play => ({ seed: from + index, ...added }));
  const wanted: Play[] = [...REGRESSIONS, ...own];
  const all = wanted.length;
  const totals = new Totals();
  const progress = setInterval(() => {
    console.log(`${totals.seeds} of ${all} seeds, ${totals.failed} failed, ${totals.seedsPerSecond} seeds/s`);
  }, PROGRESS_MS);
  await Promise.all(Array.from({ length: Math.max(1, workers) }, () => serve(wanted, totals)));
  clearInterval(progress);
  for (const line of totals.lines()) console.log(line);
  return totals.failed === 0 ? 0 : 1;
}

/** Keeps one worker busy until no seed is left. */
function serve(wanted: Play[], totals: Totals): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: "play" });
  let sent: Play[] = [];
  return new Promise((resolve, reject) => {
    const next = (): void => {
      sent = wanted.splice(0, BATCH);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin.
      if (sent.length > 0) worker.postMessage(sent);
      else worker.terminate().then(() => resolve(), reject);
    };
    worker.on("message", (outcomes: readonly Outcome[]) => {
      for (const [index, outcome] of outcomes.entries()) {
        const wasSent = sent[index];
        totals.add(outcome);
        if (wasSent !== undefined) tellFailure(outcome, wasSent);
      }
      next();
    });
    worker.on("error", reject);
    next();
  });
}

/** Tells what failed, and how to play it again. */
function tellFailure(outcome: Outcome, sent: Play): void {
  if (outcome.violations.length === 0) return;
  const isKept = REGRESSIONS.includes(sent);
  const added = isKept || sent.traits === undefined ? "" : ` --with ${Object.keys(sent.traits).join()}`;
  console.log(
    `seed ${outcome.seed} failed (replay: npm run simulate -- --trace${isKept ? " --kept" : added} --from ${outcome.seed})`,
  );
  for (const violation of outcome.violations) console.log(`  ${violation}`);
}

/** The traits that each seed is to have, beside its own, by their names. */
function addedTraits(names: string): Pick<Play, "traits"> {
  if (names === "") return {};
  const known = Object.entries(NO_TRAITS).flatMap(([name, value]) => (value === false ? [name] : []));
  const wrong = names.split(",").find((name) => !known.includes(name));
  if (wrong !== undefined) throw new Error(`there is no trait '${wrong}'; there are ${known.join(", ")}`);
  return { traits: Object.fromEntries(names.split(",").map((name) => [name, true])) };
}

/** A seed as it plays by itself with these traits, or as it is kept. */
function playOf(seed: number, isKept: boolean, added: Pick<Play, "traits">): Play {
  if (!isKept) return { seed, ...added };
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
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin.
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

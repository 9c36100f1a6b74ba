/**
 * `npm run console-speed` measures the console in headless Chromium on a run of 100,000 events. It tells how soon the
 * page shows facts and stands at a position, and how it scrolls. Then a page follows 500 events a second, and it tells
 * how smooth that is and what the page keeps.
 * At the end stands each aim with its figure, and whether it holds. Figures of a busy machine tell nothing of the aims:
 * the frames of an empty page, which are printed too, tell how busy it was.
 * A page is opened several times at each place, and the middle one counts. All of them are printed.
 * The gateway is a process of its own, on a Postgres and a Redis of its own. `--follow <minutes>`: how long it follows.
 */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { Client } from "pg";
import { createDevice } from "@hsafa/client";
import { launchChromium } from "../test/services/launch-chromium.ts";
import { startPrivatePostgres } from "../test/services/postgres-server.ts";
import { startPrivateRedis } from "../test/services/redis-server.ts";
import { openConsole } from "../test/support/console-page.ts";
import { flatVerdict } from "../test/soak/flat-verdict.ts";
import { lengthenRun, type LongRunShape } from "../test/support/long-run.ts";
import { type Frames, heapOf, type Opening, openingOf, scrolledFrames, watchFrames } from "./console-measures.ts";
import { startGatewayProgram } from "./gateway-program.ts";

const { values } = parseArgs({
  options: { follow: { type: "string", default: "10" } },
});
const followMs = Number(values.follow) * 60_000;

/** A run as it may be, whose steps have many words, and one of nothing but facts, which has more than it may have. */
const SHAPES: readonly (LongRunShape & { readonly name: string })[] = [
  { name: "190 steps, nearly all of it words", steps: 190, callsPerStep: 8, deltasPerStep: 500 },
  { name: "facts alone", steps: 20_000, callsPerStep: 1, deltasPerStep: 0 },
];

/** What the model says in a step, and how fast: about 500 words a second. */
const WORDS_PER_STEP = 1500;
const OPENINGS = 3;
const SCROLL_MS = 4000;
const LIVE_MS = 20_000;
const HEAP_EVERY_MS = 20_000;

const WORD_EVERY_MS = 1.9;
/** A run has so many steps at most. One that is followed for longer speaks as slowly as it must. */
const STEPS_MAX = 200;
const slowEveryMs = followMs / (0.9 * STEPS_MAX * WORDS_PER_STEP);

const speakerOf = (name: string, everyMs: number) => {
  const words = { repeat: WORDS_PER_STEP, parts: [{ say: "word{{n}} and ", everyMs, chunk: 20 }] };
  const script = { loop: true, steps: [[words, { call: "read_file", args: { path: "a" } }]] };
  return {
    name,
    model: "demo/script",
    maxSteps: STEPS_MAX,
    settings: { providerOptions: { demo: { script } } },
    tools: [{ name: "read_file", inputSchema: { type: "object" } }],
  };
};
const ended = {
  name: "ended",
  model: "demo/script",
  settings: { providerOptions: { demo: { script: [[{ say: "That is all." }]] } } },
};
/** What is aimed at, in ms; of the heap in MiB an hour. */
const AIMS = {
  firstFacts: { name: "first facts", max: 300, unit: "ms" },
  open: { name: "open at any position", max: 1000, unit: "ms" },
  // 59 frames a second. What one frame is late by, the next one is early by: the times of frames alone tell no loss.
  scroll: { name: "mean frame while scrolling", max: 16.95, unit: "ms" },
  live: { name: "p95 frame at 500 events a second", max: 33, unit: "ms" },
  heap: { name: "growth of the heap in an hour", max: 5, unit: "MiB" },
} as const;
/** The worst figure of each aim. */
const worst = new Map<keyof typeof AIMS, number>();
function note(aim: keyof typeof AIMS, figure: number | null): void {
  worst.set(aim, Math.max(worst.get(aim) ?? Number.NEGATIVE_INFINITY, figure ?? Number.POSITIVE_INFINITY));
}

console.log(`${cpus().length} cores of ${cpus()[0]?.model}, Node ${process.version}`);
const postgres = await startPrivatePostgres();
const redis = await startPrivateRedis();
const start = () => startGatewayProgram({ databaseUrl: postgres.url, redisUrl: redis.url });
let gateway = await start();
const database = new Client({ connectionString: postgres.url });
await database.connect();
/** How many events of a run are kept. */
async function eventsOf(runId: string): Promise<number> {
  const { rows } = await database.query<{ events: number }>(
    "select count(*)::int as events from run_events where run_id = $1",
    [runId],
  );
  return rows[0]?.events ?? 0;
}
for (const config of [ended, speakerOf("speaker", WORD_EVERY_MS), speakerOf("slow-speaker", slowEveryMs)])
  await gateway.post("/api/agents", { name: config.name, config });

const prepared = [];
for (const shape of SHAPES) {
  const { runId } = await gateway.post<{ runId: string }>("/api/runs", { agent: "ended", input: "go" });
  await gateway.until(runId, "completed");
  prepared.push({ shape, runId });
}
await gateway.stop();
const lengths = [];
for (const { shape, runId } of prepared)
  lengths.push({ shape, runId, ...(await lengthenRun(postgres.url, runId, shape)) });
// What it holds of these runs is from before.
await redis.stop();
await redis.start();
gateway = await start();

const browser = await launchChromium("--js-flags=--expose-gc");
const first = await openConsole(browser, `${gateway.url}/runs`, { key: gateway.key });
await first.shows("ended");
const { page } = first;
const whole = (ms: number | null): string => (ms === null ? "–" : `${Math.round(ms)} ms`);
const told = ({ frames, mean, p50, p95, max }: Frames): string =>
  `${frames} frames, mean ${mean.toFixed(1)} ms, p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, longest ${max.toFixed(0)} ms`;

/** The opening whose first facts came neither first nor last. One of them may wait for another program. */
function middleOf(openings: readonly Opening[]): Opening {
  const sorted = openings.toSorted((a, b) => (a.firstFacts ?? Infinity) - (b.firstFacts ?? Infinity));
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error("no page was opened");
  return middle;
}

/** How a page that does nothing fares now: other programs of the machine cost it frames, too. */
async function control(): Promise<void> {
  const empty = await first.context.newPage();
  console.log(
    `  an empty page meanwhile: ${told(await watchFrames(empty, SCROLL_MS))}; load ${loadavg()[0]?.toFixed(1)}`,
  );
  await empty.close();
  await page.bringToFront();
}

for (const { shape, runId, facts, events } of lengths) {
  console.log(`\n${shape.name}: ${events.toLocaleString("en")} events, ${facts.toLocaleString("en")} facts`);
  await control();
  const perStep = 2 + 3 * shape.callsPerStep;
  const half = Math.floor(shape.steps / 2);
  const places = [
    { name: "the start", at: 2 + 2 * perStep, words: "notes/2-0.md" },
    { name: "the middle", at: half * perStep, words: `notes/${half - 1}-${shape.callsPerStep - 1}.md` },
    { name: "the end", at: null, words: "That is all." },
  ];
  for (const { name, at, words } of places) {
    for (const tab of ["transcript", "events"] as const) {
      const address = `${gateway.url}/runs/${runId}?tab=${tab}${at === null ? "" : `&at=${at}-0`}`;
      const openings = [];
      while (openings.length < OPENINGS)
        openings.push(await openingOf(page, address, tab === "events" ? `${at ?? facts}-0` : words));
      const { firstFacts, open, whole: read, cpuMs } = middleOf(openings);
      const all = openings.map((one) => Math.round(one.firstFacts ?? Number.NaN)).join(", ");
      console.log(
        `  ${tab} at ${name}: first facts ${whole(firstFacts)} (${all}), open ${whole(open)}, all read ${whole(read)} (${whole(cpuMs)} of the main thread)`,
      );
      note("firstFacts", firstFacts);
      note("open", open);
      if (name === "the middle") {
        const scrolled = await scrolledFrames(page, SCROLL_MS);
        note("scroll", scrolled.mean);
        console.log(`    scrolled: ${told(scrolled)}`);
      }
    }
  }
}

const device = createDevice({
  url: gateway.url,
  token: gateway.key,
  deviceKey: "laptop",
  tools: { read_file: { description: "Reads", inputSchema: { type: "object" }, execute: () => "text" } },
});
await device.whenOnline();
/** Starts a run that goes on, and opens its page. */
async function follow(agent: string): Promise<string> {
  const { runId } = await gateway.post<{ runId: string }>("/api/runs", { agent, input: "go" });
  await page.goto(`${gateway.url}/runs/${runId}`);
  await first.shows("word5 and");
  return runId;
}

let longId = await follow("speaker");
console.log("\na run that goes on");
await control();
for (const [name, key] of [
  ["transcript", "1"],
  ["events", "2"],
] as const) {
  await page.keyboard.press(key);
  const before = await eventsOf(longId);
  const begin = performance.now();
  const frames = await watchFrames(page, Math.min(LIVE_MS, Math.max(5000, followMs / 4)));
  const rate = ((await eventsOf(longId)) - before) / ((performance.now() - begin) / 1000);
  note("live", frames.p95);
  console.log(`  follows ${Math.round(rate)} events/s on ${name}: ${told(frames)}`);
}
if (slowEveryMs > WORD_EVERY_MS) longId = await follow("slow-speaker");
await page.keyboard.press("1");
const heaps: { readonly atMs: number; readonly mib: number; readonly nodes: number; readonly events: number }[] = [];
const begun = performance.now();
for (let atMs = 0; atMs <= followMs; atMs = performance.now() - begun) {
  const heap = await heapOf(page);
  heaps.push({ atMs, ...heap, events: await eventsOf(longId) });
  await new Promise((resolve) => setTimeout(resolve, Math.min(HEAP_EVERY_MS, Math.max(1000, followMs / 6))));
}
// By the rule for a gateway that is flat: a single heap may hold a step that has just begun, or is nearly over.
const inMib = heaps.map(({ atMs, mib }) => ({ atMs, values: { mib } }));
const { risePerHour = Number.NaN } = flatVerdict(inMib, { mib: AIMS.heap.max }).trends[0] ?? {};
const [from, to] = [heaps[Math.floor(heaps.length / 4)], heaps.at(-1)];
if (from !== undefined && to !== undefined && !Number.isNaN(risePerHour)) {
  note("heap", risePerHour);
  console.log(
    `  followed for ${(to.atMs / 60_000).toFixed(1)} minutes, ${to.events.toLocaleString("en")} events: heap ${heaps[0]?.mib.toFixed(1)} → ${from.mib.toFixed(1)} → ${to.mib.toFixed(1)} MiB, ` +
      `${to.nodes} nodes; by the last three quarters ${risePerHour.toFixed(1)} MiB an hour`,
  );
}
console.log("\n| aim | at most | worst | holds |\n|---|---|---|---|");
for (const [aim, { name, max, unit }] of Object.entries(AIMS)) {
  const figure = worst.get(aim as keyof typeof AIMS);
  const measured = figure === undefined ? "not measured" : `${figure.toFixed(2)} ${unit}`;
  console.log(`| ${name} | ${max} ${unit} | ${measured} | ${figure !== undefined && figure <= max ? "yes" : "no"} |`);
}
device.close();
await browser.close();
await database.end();
await gateway.stop();
await redis.remove();
await postgres.remove();
process.exit(0);

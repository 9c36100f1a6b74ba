import { cpus } from "node:os";
import type { Page } from "playwright-core";

/** When a page showed what, in milliseconds since it began to load. */
export interface Opening {
  readonly firstFacts: number | null;
  readonly open: number | null;
  readonly whole: number | null;
  /** What the page's main thread computed until all of it was there, in ms. Other programs do not count. */
  readonly cpuMs: number;
}

/** How long frames took, in milliseconds. */
export interface Frames {
  readonly frames: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

const OPENED_MAX_MS = 30_000;
/** The machine rests when its cores work for less than this share of a span. How long that is waited for, at most. */
const REST_SHARE = 0.1;
const REST_LOOK_MS = 200;
const REST_MAX_MS = 20_000;
const SCROLLERS = "[aria-label=Transcript], [aria-label=Events][role=region]";

/** Resolves when the machine rests. What the page before has left to do would count for the next one. */
async function rests(): Promise<void> {
  const spent = () => {
    const times = cpus().map(({ times: { idle, ...busy } }) => ({ idle, busy: Object.values(busy) }));
    const busy = times.flatMap((core) => core.busy).reduce((sum, ms) => sum + ms, 0);
    return { busy, all: busy + times.reduce((sum, { idle }) => sum + idle, 0) };
  };
  const deadline = performance.now() + REST_MAX_MS;
  for (let before = spent(); performance.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, REST_LOOK_MS));
    const now = spent();
    if (now.busy - before.busy < REST_SHARE * (now.all - before.all)) return;
    before = now;
  }
  console.log("    the machine does not rest: other programs count, too");
}

/** Loads an address, and notes when it shows any fact, when it shows `words`, and when all facts were read. */
export async function openingOf(page: Page, address: string, words: string): Promise<Opening> {
  // Anywhere else, so that the address is loaded and not only changed.
  await page.goto("about:blank");
  await rests();
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(address, { waitUntil: "commit" });
  const seen = await page.evaluate<Omit<Opening, "cpuMs">>(`new Promise((resolve) => {
    const seen = { firstFacts: null, open: null, whole: null };
    const look = () => {
      const now = performance.now();
      const shown = document.querySelector(${JSON.stringify(SCROLLERS)});
      if (seen.firstFacts === null && shown?.querySelector("[data-index], li")) seen.firstFacts = now;
      const isThere = seen.firstFacts !== null && shown?.textContent.includes(${JSON.stringify(words)});
      if (seen.open === null && isThere) seen.open = now;
      if (seen.open !== null && document.querySelector("[data-whole]") !== null) seen.whole = now;
      if (seen.whole !== null || now > ${OPENED_MAX_MS}) resolve(seen);
      else requestAnimationFrame(look);
    };
    look();
  })`);
  const { metrics } = await session.send("Performance.getMetrics");
  await session.detach();
  return { ...seen, cpuMs: 1000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN) };
}

/** Scrolls what is read, up and down, and measures the frames meanwhile. First the page has all that it asks for. */
export async function scrolledFrames(page: Page, ms: number): Promise<Frames> {
  await rests();
  return watchFrames(
    page,
    ms,
    `const scroller = document.querySelector(${JSON.stringify(SCROLLERS)});
     let by = -300;
     const act = () => {
       const { scrollTop, clientHeight, scrollHeight } = scroller;
       if (scrollTop + by < 0 || scrollTop + clientHeight + by > scrollHeight) by = -by;
       scroller.scrollTop += by;
     };`,
  );
}

/** Measures the frames of a page. `acts`: a script that declares what is done before each of them. */
export async function watchFrames(page: Page, ms: number, acts = "const act = () => {};"): Promise<Frames> {
  // The page's policy lets no script in, so it is evaluated from outside.
  const times = await page.evaluate<number[]>(`new Promise((resolve) => {
    ${acts}
    const spans = [];
    const begun = performance.now();
    let last = begun;
    const step = () => {
      const now = performance.now();
      spans.push(now - last);
      last = now;
      act();
      if (now - begun > ${ms}) resolve(spans);
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  })`);
  return framesOf(times);
}

/** What the page keeps, after a collection: the heap in MiB, and the nodes of the document. */
export async function heapOf(page: Page): Promise<{ readonly mib: number; readonly nodes: number }> {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    const { nodes } = await session.send("Memory.getDOMCounters");
    return { mib: usedSize / 1024 / 1024, nodes };
  } finally {
    await session.detach();
  }
}

function framesOf(times: readonly number[]): Frames {
  const sorted = times.slice(1).toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const mean = sorted.reduce((sum, span) => sum + span, 0) / sorted.length;
  return { frames: sorted.length, mean, p50: at(0.5), p95: at(0.95), max: sorted.at(-1) ?? 0 };
}

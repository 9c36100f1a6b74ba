/**
 * A process of watchers: follows each run it is told of twice over, by the SDK, answers its external calls as a person's program would, and when the run has ended
 * compares what was seen with the canonical log (R8).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createClient } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";
import { disagreements, faultsOf, resumed, type WatchedRecord } from "../e2e/record.ts";
import { readLog, untilAnswered } from "./calls.ts";
import type { FromWatchWorker, Interruption, InterruptionCost, ToWatchWorker, WatchOrder } from "./messages.ts";

/** When each event of a run was made and when the first watcher had it, in the order they came. */
interface Times {
  readonly made: number[];
  readonly seen: number[];
  /** Which of them were a run's going on elsewhere after a hand-over in the middle of its work. */
  readonly takenUp: number[];
}

const times = new Map<string, Times>();
let client: Client | null = null;

process.on("message", (message: ToWatchWorker) => hear(message));
// Whoever started this process is gone.
process.on("disconnect", () => process.exit(0));

function hear(message: ToWatchWorker): void {
  switch (message.kind) {
    case "hello":
      client = createClient({ url: message.url, token: message.apiKey });
      return;
    case "watch":
      if (client === null) throw new Error("a run to watch came before the greeting");
      void follow(client, message);
      return;
    case "costs":
      return tell({ kind: "costs", costs: message.interruptions.map(costOf) });
    case "lags":
      return tell({ kind: "lags", lags: lagsWithin(message.windows) });
    default:
      message satisfies never;
  }
}

function tell(message: FromWatchWorker): void {
  process.send?.(message);
}

async function follow(hsafa: Client, order: WatchOrder): Promise<void> {
  const { runId } = order;
  try {
    const records = await watchTwice(hsafa, order);
    const log = await readLog(hsafa, runId);
    const events = Object.values(log);
    const discarded: Record<string, number> = {};
    for (const event of events)
      if (event.type === "step.discarded") discarded[event.data.reason] = (discarded[event.data.reason] ?? 0) + 1;
    const last = log.at(-1);
    tell({
      kind: "ended",
      runId,
      end: last?.type === "run.failed" ? `run.failed ${last.data.error.code}` : (last?.type ?? "nothing"),
      events: log.length,
      recoveries: log.filter(({ type }) => type === "run.recovered").length,
      beganAt: Date.parse(log[0]?.ts ?? ""),
      endedAt: Date.parse(last?.ts ?? ""),
      discarded,
      faults: compare(log, records),
    });
  } catch (error) {
    const fault = `its watchers failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    const unknown = { end: "unknown", events: 0, recoveries: 0, beganAt: Number.NaN, endedAt: Number.NaN };
    tell({ kind: "ended", runId, ...unknown, discarded: {}, faults: [fault] });
  }
}

interface Seen {
  readonly first: WatchedRecord;
  readonly second: WatchedRecord;
  /** Where the second one began; undefined: at the start. */
  readonly after: string | undefined;
}

async function watchTwice(hsafa: Client, order: WatchOrder): Promise<Seen> {
  const { runId, joinAfterMs, joinsInside } = order;
  const clock: Times = { made: [], seen: [], takenUp: [] };
  times.set(runId, clock);
  const first: RunEvent[] = [];
  let late: Promise<{ readonly record: RunEvent[]; readonly after: string | undefined }> | null = null;

  async function joinLate(): Promise<{ readonly record: RunEvent[]; readonly after: string | undefined }> {
    await sleep(joinAfterMs);
    const after = joinsInside ? first.at(-1)?.id : undefined;
    const record: RunEvent[] = [];
    for await (const event of hsafa.runs.stream(runId, after === undefined ? {} : { after })) {
      if ("id" in event) record.push(event);
    }
    return { record, after };
  }

  for await (const event of hsafa.runs.stream(runId)) {
    if (!("id" in event)) continue;
    const before = first.at(-1)?.type;
    if (event.type === "run.resumed" && before !== "run.waiting" && before !== "run.retrying") {
      clock.takenUp.push(clock.made.length);
    }
    first.push(event);
    clock.made.push(Date.parse(event.ts));
    clock.seen.push(Date.now());
    late ??= joinLate();
    if (event.type === "tool.requested" && event.data.target === "external") {
      answer(hsafa, runId, event.data.callId).catch(() => {});
    }
  }
  const second = await (late ?? joinLate());
  return { first, second: second.record, after: second.after };
}

/** Answers an external call, twice, as a client does that did not hear the first answer. */
async function answer(hsafa: Client, runId: string, callId: string): Promise<void> {
  const params = { callId, result: { answeredBy: "a person" } };
  // It may not be dispatched yet; and once the run has ended otherwise, nobody waits for the answer.
  const submit = (signal: AbortSignal): Promise<unknown> => hsafa.runs.submitToolResult(runId, params, { signal });
  await untilAnswered(submit, { alsoRetry: (code) => code === "not_found" || code === "result_conflict" });
  await untilAnswered(submit, { alsoRetry: () => false });
}

function compare(log: WatchedRecord, { first, second, after }: Seen): string[] {
  const whole = after === undefined ? second : resumed(first, after, second);
  return [
    ...faultsOf(log).map((fault) => `the log: ${fault}`),
    ...faultsOf(first).map((fault) => `the first watcher: ${fault}`),
    ...(after === undefined ? faultsOf(second).map((fault) => `the second watcher: ${fault}`) : []),
    ...disagreements({ log, first, [`second (after ${after ?? "nothing"})`]: whole }),
  ];
}

function costOf({ from, until, runIds }: Interruption): InterruptionCost {
  const nextEvent: number[] = [];
  const nextSeen: number[] = [];
  const takenUp: number[] = [];
  const longestSilence: number[] = [];
  for (const runId of runIds) {
    const run = times.get(runId);
    if (run === undefined) continue;
    const next = run.made.findIndex((at) => at > from);
    if (next === -1) continue;
    nextEvent.push((run.made[next] ?? 0) - from);
    nextSeen.push((run.seen.find((at, i) => i >= next && at > from) ?? from) - from);
    let silence = 0;
    for (let i = next; i < run.made.length && Math.max(from, run.made[i - 1] ?? from) <= until; i += 1) {
      silence = Math.max(silence, (run.made[i] ?? 0) - Math.max(from, run.made[i - 1] ?? from));
    }
    longestSilence.push(silence);
    for (const i of run.takenUp) {
      const at = run.made[i] ?? 0;
      if (at > from && at <= until) takenUp.push(at - (run.made[i - 1] ?? at));
    }
  }
  return { nextEvent, nextSeen, takenUp, longestSilence };
}

function lagsWithin(windows: readonly { readonly from: number; readonly until: number }[]): number[] {
  const lags: number[] = [];
  for (const { made, seen } of times.values()) {
    const [watchedSince = 0] = seen;
    made.forEach((at, i) => {
      // What was said before the watcher was there is old by its own doing.
      if (at < watchedSince) return;
      if (windows.some(({ from, until }) => at >= from && at <= until)) lags.push((seen[i] ?? at) - at);
    });
  }
  return lags;
}

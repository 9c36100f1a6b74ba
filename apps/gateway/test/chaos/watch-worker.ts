/**
 * A process of watchers. It follows each run twice by the SDK, and perhaps once over a watch socket that many runs
 * share. It plays the person of each run. After the run's end it compares the records (R8) and the responses to
 * submissions (R5, R6, R7) with the log of the store.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createClient } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";
import { disagreements, faultsOf, resumed, type WatchedRecord } from "../support/watched-record.ts";
import { contradictions, type Submission } from "../support/submissions.ts";
import { dispatchedUnapproved } from "./approvals.ts";
import { readLog } from "./calls.ts";
import type { FromWatchWorker, Interruption, InterruptionCost, ToWatchWorker, WatchOrder } from "./messages.ts";
import { createPerson, type Person } from "./person.ts";
import { tally } from "./tally.ts";
import { type FollowedRun, openWatchSocket, type WatchSocket } from "./watch-socket.ts";

/** When each event of a run was made and when the first watcher had it, in order, by the wall clock. */
interface Times {
  readonly made: number[];
  readonly seen: number[];
  /** Indexes of events by which another gateway continued the run after a hand-over within its work. */
  readonly takenUp: number[];
}

/** Watch sockets of this process, shared by its runs. */
const SOCKETS = 2;

/** The connections of this process to the fleet. */
interface Reach {
  readonly hsafa: Client;
  readonly sockets: readonly WatchSocket[];
}

const times = new Map<string, Times>();
let reach: Reach | null = null;

process.on("message", (message: ToWatchWorker) => hear(message));
// The process that started this one is gone.
process.on("disconnect", () => process.exit(0));

function hear(message: ToWatchWorker): void {
  switch (message.kind) {
    case "hello": {
      const { url, apiKey } = message;
      const sockets = Array.from({ length: SOCKETS }, () => openWatchSocket({ url, apiKey }));
      reach = { hsafa: createClient({ url, token: apiKey }), sockets };
      return;
    }
    case "watch":
      if (reach === null) throw new Error("a run to watch came before the greeting");
      void follow(reach, message);
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

async function follow(through: Reach, order: WatchOrder): Promise<void> {
  const { runId, bySocket, messages } = order;
  const { hsafa } = through;
  try {
    const person = createPerson({ runId, hsafa, messages });
    const [records, overSocket] = await Promise.all([
      watchTwice(hsafa, order, person),
      bySocket ? freest(through.sockets).follow(runId) : null,
    ]);
    const submissions = await person.submissions();
    const log = await readLog(hsafa, runId);
    const discarded = log.flatMap((event) => (event.type === "step.discarded" ? [event.data.reason] : []));
    const last = log.at(-1);
    tell({
      kind: "ended",
      runId,
      end: last?.type === "run.failed" ? `run.failed ${last.data.error.code}` : (last?.type ?? "nothing"),
      events: log.length,
      recoveries: log.filter(({ type }) => type === "run.recovered").length,
      beganAt: Date.parse(log[0]?.ts ?? ""),
      endedAt: Date.parse(last?.ts ?? ""),
      discarded: tally(discarded),
      submitted: tally(submissions.map(nameOf)),
      resumes: overSocket?.resumes ?? null,
      faults: [
        ...compare(log, records, overSocket),
        ...contradictions(submissions, log).map(withoutScript),
        ...dispatchedUnapproved(log),
      ],
    });
  } catch (error) {
    const fault = `its watchers failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    const unknown = { end: "unknown", events: 0, recoveries: 0, beganAt: Number.NaN, endedAt: Number.NaN };
    tell({ kind: "ended", runId, ...unknown, discarded: {}, submitted: {}, resumes: null, faults: [fault] });
  }
}

function freest(sockets: readonly WatchSocket[]): WatchSocket {
  const [first, ...others] = sockets;
  if (first === undefined) throw new Error("there is no watch socket");
  return others.reduce((best, socket) => (socket.open < best.open ? socket : best), first);
}

/** Removes the script from a message's text, of which the first line is enough for people. */
function withoutScript(fault: string): string {
  return fault.replaceAll(/\ndemo: .*\]\]\}/g, "");
}

function nameOf(submission: Submission): string {
  const what = submission.kind === "approval" ? (submission.approved ? "approval" : "denial") : submission.kind;
  return `${what} ${submission.status}`;
}

interface Seen {
  readonly first: WatchedRecord;
  readonly second: WatchedRecord;
  /** The position at which the second one began; undefined is the start. */
  readonly after: string | undefined;
}

async function watchTwice(hsafa: Client, order: WatchOrder, person: Person): Promise<Seen> {
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
    person.see(event);
  }
  const second = await (late ?? joinLate());
  return { first, second: second.record, after: second.after };
}

function compare(log: WatchedRecord, { first, second, after }: Seen, overSocket: FollowedRun | null): string[] {
  const whole = after === undefined ? second : resumed(first, after, second);
  const third: Record<string, WatchedRecord> = overSocket === null ? {} : { "the watch socket": overSocket.record };
  return [
    ...faultsOf(log).map((fault) => `the log: ${fault}`),
    ...faultsOf(first).map((fault) => `the first watcher: ${fault}`),
    ...(after === undefined ? faultsOf(second).map((fault) => `the second watcher: ${fault}`) : []),
    ...(overSocket?.faults ?? []).map((fault) => `the watch socket: ${fault}`),
    ...(overSocket === null ? [] : faultsOf(overSocket.record).map((fault) => `the watch socket: ${fault}`)),
    ...disagreements({ log, first, [`second (after ${after ?? "nothing"})`]: whole, ...third }),
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
      // Events from before the watcher connected are late by its own doing.
      if (at < watchedSince) return;
      if (windows.some(({ from, until }) => at >= from && at <= until)) lags.push((seen[i] ?? at) - at);
    });
  }
  return lags;
}

import type { StartPolicy } from "@hsafa/protocol";
import type { EventRecord } from "../../src/core/event-record.ts";
import type { Recorder } from "./recorder.ts";
import { dataOf, type RunHistory } from "./run-history.ts";

/** What a start has found on its thread, at the moment in which it was made. */
export function checkStart(recorder: Recorder, runId: string, policy: StartPolicy): void {
  for (let { before } = recorder.history(runId); before !== null; before = before.before) {
    if (before.hasEnded) continue;
    if (policy === "reject") recorder.fail("R5", `${runId} was to be refused, and ${before.runId} is open`);
    if (policy === "interrupt" && !before.isCanceled)
      recorder.fail("R5", `${runId} interrupts its thread, and ${before.runId} was not canceled`);
  }
}

/** The model is asked: every message that was to enter before has entered. */
export function checkEntered(recorder: Recorder, history: RunHistory): void {
  for (const steering of history.steeredBy) {
    const { hasEnded, epoch, acceptedInputs } = recorder.history(steering);
    if (!hasEnded && epoch === 0 && acceptedInputs === 0)
      recorder.fail("R6", `${history.runId} asks the model before it has taken the message of ${steering}`);
  }
}

/**
 * R6: a message that came with one run is answered by that run. Or it has entered one other run, and the first has
 * ended as merged into that. So it is neither lost nor said twice.
 */
export function checkMerges(recorder: Recorder): void {
  const enteredInto = new Map<string, string[]>();
  for (const { runId, facts } of recorder.runs.values()) {
    for (const fact of facts) {
      const { mergedRunId } = fact.type === "message.user" ? dataOf(fact) : {};
      if (typeof mergedRunId === "string")
        enteredInto.set(mergedRunId, [...(enteredInto.get(mergedRunId) ?? []), runId]);
    }
  }
  for (const { runId, facts } of recorder.runs.values()) {
    const last = facts.at(-1);
    const expected = last?.type === "run.merged" ? [String(dataOf(last)["into"])] : [];
    const entered = enteredInto.get(runId) ?? [];
    if (entered.join() !== expected.join())
      recorder.fail(
        "R6",
        `${runId} was merged into ${expected.join() || "none"}, and its message entered ${entered.join() || "none"}`,
      );
    recorder.counts.merged += expected.length;
  }
}

/**
 * What a run sees: ended runs before it, in their order, each with its messages. A run of a branch sees the run from
 * which it goes on, and all that this one saw. A fork sees all that the run saw from which it was forked.
 */
export function checkHistory(recorder: Recorder, history: RunHistory, started: EventRecord): void {
  const seen = dataOf(started)["historyRunIds"] as readonly string[];
  const before = runsBefore(recorder, history);
  const places = seen.map((runId) => before.indexOf(runId));
  if (places.some((place, index) => place < 0 || place <= (places[index - 1] ?? -1)))
    recorder.fail("R5", `${history.runId} sees ${seen.join()}, of ${before.join()}`);
  const origin = history.threadId === null ? undefined : recorder.origins.get(history.threadId);
  if (origin === undefined) return;
  const { runId: from, isFork } = origin;
  const began = recorder.history(from).facts.find(({ type }) => type === "run.started");
  const itsOwn = began === undefined ? [] : (dataOf(began)["historyRunIds"] as readonly string[]);
  for (const runId of isFork ? itsOwn : [...itsOwn, from]) {
    if (!seen.includes(runId)) recorder.fail("R5", `${history.runId} goes on from ${from} and does not see ${runId}`);
  }
}

/** The runs whose messages stand before a run's, the first of them first. */
function runsBefore(recorder: Recorder, { before, threadId }: RunHistory): string[] {
  const runs: RunHistory[] = [];
  for (let run = before; run !== null; run = run.before) runs.unshift(run);
  const origin = threadId === null ? undefined : recorder.origins.get(threadId);
  const own = runs.filter(({ hasEnded, facts }) => hasEnded && facts.at(-1)?.type !== "run.merged");
  const itself = origin === undefined || origin.isFork ? [] : [origin.runId];
  const inherited = origin === undefined ? [] : [...runsBefore(recorder, recorder.history(origin.runId)), ...itself];
  return [...inherited, ...own.map(({ runId }) => runId)];
}

import { canonicalHash } from "../../src/core/canonical-json.ts";
import type { EventRecord } from "../../src/core/event-record.ts";
import { type ForkOrigin, formatPosition, type JsonValue } from "@hsafa/protocol";
import type { Recorder } from "./recorder.ts";
import { callIdOf, dataOf, type RunHistory } from "./run-history.ts";

/** What somebody has asked a fork for, who was told its id. */
export interface ToldFork {
  readonly runId: string;
  /** The fact at which that run was forked. */
  readonly seq: number;
  /** The calls that were to be executed again. */
  readonly rerun: readonly string[];
}

/**
 * A request makes one fork. It reuses every result that the run had at the fact, and says so call by call. No call of
 * the run is executed again unasked, and none under its old id.
 */
export function checkForks(recorder: Recorder): void {
  for (const history of recorder.runs.values()) {
    const forkedFrom = originOf(history);
    if (forkedFrom === null) continue;
    const told = recorder.forks.get(history.runId) ?? lateFork(recorder, forkedFrom);
    if (told === undefined) recorder.fail("fork", `nobody has asked for ${history.runId}, or it was made twice`);
    else checkFork(recorder, history, told);
  }
  for (const [runId, told] of recorder.forks) {
    const origin = originOf(recorder.history(runId));
    if (origin?.runId !== told.runId) recorder.fail("fork", `${runId} is no fork of ${told.runId}`);
  }
}

/** The run from which this one was forked, as its first fact says; null: it is no fork. */
export function originOf({ facts }: Pick<RunHistory, "facts">): ForkOrigin | null {
  const [created] = facts;
  if (created === undefined) return null;
  return (dataOf(created)["forkedFrom"] as ForkOrigin | undefined) ?? null;
}

/** Takes what a lost request asked for that was served late: each makes one fork. */
function lateFork({ lateForks }: Recorder, origin: ForkOrigin): ToldFork | undefined {
  const index = lateForks.findIndex(
    ({ runId, seq }) => runId === origin.runId && formatPosition({ seq, sub: 0 }) === origin.position,
  );
  return index === -1 ? undefined : lateForks.splice(index, 1)[0];
}

function checkFork(recorder: Recorder, fork: RunHistory, { runId, seq, rerun }: ToldFork): void {
  const { facts: origin } = recorder.history(runId);
  const fail = (what: string): void =>
    recorder.fail("fork", `${fork.runId}, forked from ${runId} at ${seq}-0 with ${rerun.join() || "no call"}, ${what}`);
  const known = outcomesAt(origin, seq);
  const taken = new Map(
    fork.facts.flatMap((fact) => (fact.type === "tool.reused" ? [[callIdOf(fact), outcomeOf(fact)] as const] : [])),
  );
  const reruns = fork.facts.flatMap(rerunsOf);
  if (
    reruns
      .map(({ of }) => of)
      .toSorted()
      .join() !== rerun.toSorted().join()
  )
    fail(`executes ${reruns.map(({ of }) => of).join() || "none"} again`);
  for (const [callId, outcome] of known) {
    if (rerun.includes(callId)) continue;
    const reused = taken.get(callId);
    if (reused !== (outcome ?? NOT_REPEATED)) fail(`takes ${reused} for the outcome of ${callId}, which is ${outcome}`);
  }
  for (const callId of taken.keys()) if (!known.has(callId)) fail(`reuses ${callId}, which was not asked for by then`);
  const began = fork.facts.findIndex(({ type }) => type === "step.started");
  const requested = fork.facts.filter(({ type }) => type === "tool.requested").map(callIdOf);
  const atOnce = fork.facts
    .slice(0, began === -1 ? fork.facts.length : began)
    .filter(isRequest)
    .map(callIdOf);
  if (atOnce.some((callId) => !reruns.some((one) => one.callId === callId)))
    fail(`asks for ${atOnce.join()} by itself`);
  for (const callId of requested) if (known.has(callId)) fail(`asks for ${callId} under its old id`);
  recorder.counts.reusedCalls += taken.size;
  recorder.counts.reruns += atOnce.length;
}

/** By call: its outcome at that fact; null: it had none. The calls of a step are committed with it. */
function outcomesAt(facts: readonly EventRecord[], seq: number): Map<string, string | null> {
  const outcomes = new Map<string, string | null>();
  for (const [index, fact] of facts.entries()) {
    if (fact.seq > seq && !belongsTo(facts, index, seq)) continue;
    if (isRequest(fact)) outcomes.set(callIdOf(fact), null);
    // What a fork is to execute again is a call of it before it asks for that.
    for (const { callId } of rerunsOf(fact)) outcomes.set(callId, null);
    if (/^tool\.(completed|failed|expired|denied|reused)$/.test(fact.type))
      outcomes.set(callIdOf(fact), outcomeOf(fact));
  }
  return outcomes;
}

/** Whether a fact after this one is of the same step: a call of it, or how a call had ended that was taken over. */
function belongsTo(facts: readonly EventRecord[], index: number, seq: number): boolean {
  const fact = facts[index];
  if (fact === undefined || !(isRequest(fact) || fact.type === "tool.reused")) return false;
  const steps = facts.slice(0, seq).filter(({ type }) => type === "step.completed" || type === "step.reused");
  const last = steps.at(-1);
  if (last === undefined) return false;
  if (isRequest(fact)) return dataOf(fact)["step"] === dataOf(last)["step"];
  return facts.slice(seq, index).every(({ type }) => type === "tool.reused");
}

/** The calls that a fork is to execute again, by what it says of the step that asked for them. */
function rerunsOf(fact: EventRecord): readonly { readonly callId: string; readonly of: string }[] {
  if (fact.type !== "step.reused") return [];
  return (dataOf(fact)["reruns"] as { callId: string; of: string }[] | undefined) ?? [];
}

function isRequest({ type }: EventRecord): boolean {
  return type === "tool.requested";
}

const NOT_REPEATED = "not_repeated";

function outcomeOf(fact: EventRecord): string {
  const { result, error, reason } = dataOf(fact) as { result?: JsonValue; error?: { code: string }; reason?: string };
  if (fact.type === "tool.denied") return canonicalHash({ denied: reason ?? "a person refused this call." });
  if (error?.code === "denied") return canonicalHash({ denied: (error as { message?: string }).message ?? "" });
  if (error?.code === "not_repeated") return NOT_REPEATED;
  return canonicalHash(error === undefined ? { result: result ?? null } : { error: error as unknown as JsonValue });
}

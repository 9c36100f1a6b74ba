import { comparePositions, formatPosition, type JsonValue, type Position, START } from "@hsafa/protocol";
import { canonicalHash } from "../../src/core/canonical-json.ts";
import { type EventRecord, wireJson } from "../../src/core/event-record.ts";
import { INPUTS_PER_DRAIN_MAX } from "../../src/ports/limits.ts";
import { RECOVERIES_MAX, STALLS_MAX } from "../../src/core/limits.ts";
import type { FleetStore, Inbox } from "../../src/ports/fleet-store.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";
import { rootOf } from "./children-of-runs.ts";
import { checkMerges } from "./check-conversations.ts";
import { checkForks } from "./check-forks.ts";
import type { Recorder } from "./recorder.ts";
import { callIdOf, dataOf, type RunHistory, settlementsOf } from "./run-history.ts";
import { EPOCHS_OF_A_STALLING_RUN_MAX, isStallingRun } from "./stalling-run.ts";
import type { SeenEvent, SimulatedWatcher } from "./watcher.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";

/** Failures that a plan, a device or a fault may cause. Any other is a fault of the runtime. */
const FAILURES: ReadonlySet<string> = new Set([
  "model_bad_request",
  "tool_timeout",
  "recovery_exhausted",
  "limit_exceeded",
  "max_steps_reached",
  "output_invalid",
]);

/** Checks R2, R6, R7 and R8 of every run once everything is at rest, from what the store and each watcher have. */
export async function check(params: {
  readonly recorder: Recorder;
  /** Whose runs are to end. Those of another tenant need not. */
  readonly tenantId: TenantId;
  readonly store: Pick<FleetStore, "readInbox">;
  readonly tenant: TenantStore;
  readonly watchers: readonly SimulatedWatcher[];
}): Promise<void> {
  const { recorder, tenantId, store, tenant, watchers } = params;
  checkMerges(recorder);
  checkForks(recorder);
  for (const history of recorder.runs.values()) {
    const { runId } = history;
    if (history.tenantId !== tenantId) {
      checkBlame(recorder, history);
      continue;
    }
    checkCalls(recorder, history);
    // A thread that was deleted is swept away in a year that went by, with the children of its runs.
    const threadId = rootOf(recorder, history).threadId;
    if (recorder.counts.years > 0 && threadId !== null && recorder.deletedThreads.has(threadId)) {
      checkEnd(recorder, history);
      continue;
    }
    const canonical = await readAll(tenant, runId);
    checkStore(recorder, history, canonical);
    checkInputs(recorder, history, await store.readInbox({ runId, epoch: history.epoch }));
    checkEnd(recorder, history);
    const mine = watchers.filter((watcher) => watcher.runId === runId);
    checkWatchers(recorder, history, canonical, mine);
  }
}

async function readAll(tenant: TenantStore, runId: string): Promise<EventRecord[]> {
  const all: EventRecord[] = [];
  for (let after: Position = START; ; ) {
    const page = await tenant.readEvents({ runId, after, limit: 500, factsOnly: false });
    const last = page.at(-1);
    if (last === undefined) return all;
    all.push(...page);
    after = last;
  }
}

/** The store holds exactly the facts that it committed, and the deltas of each completed step without a gap. */
function checkStore(recorder: Recorder, history: RunHistory, canonical: readonly EventRecord[]): void {
  const { runId } = history;
  const facts = canonical.filter((record) => record.sub === 0);
  if (facts.length !== history.facts.length)
    recorder.fail("R2", `${runId} has ${facts.length} facts of ${history.facts.length}`);
  facts.forEach((fact, index) => {
    if (fact.seq !== index + 1) recorder.fail("R2", `${runId} has a fact ${fact.seq} in place of ${index + 1}`);
  });
  for (const [seq, step] of stepsOf(canonical)) {
    const subs = step.deltas.map((delta) => delta.sub);
    if (step.closedBy === "nothing") recorder.fail("R6", `the step at ${seq}-0 of ${runId} is never closed`);
    if (step.closedBy === "completed" && subs.some((sub, index) => sub !== index + 1))
      recorder.fail(
        "R8",
        `the store lacks deltas of the completed step at ${seq}-0 of ${runId}: it has ${subs.join()}`,
      );
  }
}

/** R6: an accepted input is consumed, and an accepted message is in the record of a run that was completed. */
function checkInputs(recorder: Recorder, history: RunHistory, left: { readonly inbox: Inbox } | null): void {
  const { runId, facts, acceptedInputs, consumed } = history;
  if (left === null || left.inbox.count !== 0 || left.inbox.inputs.length > 0)
    recorder.fail("R6", `${runId} has ended with ${left?.inbox.count} inputs waiting; ${tailOf(history)}`);
  if (acceptedInputs !== consumed.size && !mayPassOverInputs(history))
    recorder.fail("R6", `${runId} took ${acceptedInputs} inputs and consumed ${consumed.size}; ${tailOf(history)}`);
  const said = facts.flatMap((fact) =>
    fact.type === "message.user" ? [String((dataOf(fact)["message"] as { content: unknown }).content)] : [],
  );
  if (new Set(said).size !== said.length) recorder.fail("R6", `${runId} has a message twice: ${said.join(", ")}`);
  if (facts.at(-1)?.type !== "run.completed") return;
  for (const text of recorder.toldMessages.get(runId) ?? []) {
    if (!said.includes(text)) recorder.fail("R6", `${runId} is completed without the message '${text}' it took`);
  }
}

/**
 * Whether a run may have ended with inputs that its holder never read, so that the store alone consumed them. That is
 * allowed in two cases. The run was given up: the inputs may be what kills its gateways. Or more waited than one read
 * returns, and a cancel did not wait for them, or a step failed for good.
 */
function mayPassOverInputs({ facts, consumedAtEnd }: RunHistory): boolean {
  if (codeOf(facts.at(-1)) === "recovery_exhausted") return true;
  const endsAtOnce = facts.at(-1)?.type === "run.canceled" || facts.at(-2)?.type === "step.discarded";
  return endsAtOnce && consumedAtEnd === INPUTS_PER_DRAIN_MAX;
}

/**
 * R7: each call is settled once. If a result was accepted, the call is settled by that result, whatever else waited
 * beside it. The one exception is a run that is given up: it ends without a look at its inbox, which may be what kills
 * its gateways.
 */
function checkCalls(recorder: Recorder, history: RunHistory): void {
  const { runId, facts } = history;
  const isGivenUp = codeOf(facts.at(-1)) === "recovery_exhausted";
  for (const [callId, settlements] of settlementsOf(history)) {
    if (settlements.length !== 1)
      recorder.fail("R7", `the call ${callId} of ${runId} is settled ${settlements.length} times`);
    const [settled] = settlements;
    const dispatched = facts.filter((fact) => fact.type === "tool.dispatched" && callIdOf(fact) === callId).length;
    if (recorder.unrepeatable.has(callId) && dispatched > 1)
      recorder.fail("R7", `the call ${callId} is not repeatable and was dispatched ${dispatched} times`);
    checkDecision(recorder, history, { callId, settled });
    if (!recorder.unrepeatable.has(callId) && settled !== undefined && failureCodeOf(settled) === "outcome_unknown")
      recorder.fail("R7", `the call ${callId} of ${runId} is repeatable and was given up as unknown`);
    const accepted = recorder.acceptedResults.get(callId);
    if (settled === undefined || accepted === undefined) continue;
    if (accepted.has(bodyHashOf(settled)) || (isGivenUp && failureCodeOf(settled) === "canceled")) continue;
    recorder.fail(
      "R7",
      `the call ${callId} of ${runId} was answered and is settled as ${settled.type} ${settled.payload}; ${tailOf(history)}`,
    );
  }
}

/** R6: an accepted decision is in the log, and no other one; or the run ended while the call waited for it. */
function checkDecision(
  recorder: Recorder,
  { runId, facts, decisions }: RunHistory,
  { callId, settled }: { readonly callId: string; readonly settled: EventRecord | undefined },
): void {
  const decided = facts.filter(
    (fact) => (fact.type === "tool.approved" || fact.type === "tool.denied") && callIdOf(fact) === callId,
  );
  const accepted = decisions.get(callId);
  const expected = accepted === undefined ? [] : [accepted ? "tool.approved" : "tool.denied"];
  const isMet = decided.map(({ type }) => type).join() === expected.join();
  const wasEndedOver = decided.length === 0 && settled !== undefined && failureCodeOf(settled) === "canceled";
  if (!isMet && !wasEndedOver)
    recorder.fail(
      "R6",
      `the call ${callId} of ${runId} was decided ${expected.join()}, and its log has ${decided.map(({ type }) => type).join()}`,
    );
}

/** The hash under which the store would have accepted what a settlement says of its call. */
function bodyHashOf(settled: EventRecord): string {
  const { result, error } = dataOf(settled) as { result?: JsonValue; error?: JsonValue };
  return canonicalHash(
    settled.type === "tool.completed"
      ? { kind: "completed", result: result ?? null }
      : { kind: "failed", error: error ?? null },
  );
}

function failureCodeOf(settled: EventRecord): string | null {
  return settled.type === "tool.failed" ? (dataOf(settled)["error"] as { code: string }).code : null;
}

/**
 * R6: the run has ended. If a cancel was accepted, it is canceled or given up. It is given up only after it lost one
 * lease more than it may, and not because of another run that kills.
 */
function checkEnd(recorder: Recorder, history: RunHistory): void {
  const { runId, facts, hasEnded, isCanceled, losses, isPoison } = history;
  if (!hasEnded) recorder.fail("R6", `${runId} has not ended; ${tailOf(history)}`);
  const last = facts.at(-1);
  const code = codeOf(last);
  checkBlame(recorder, history);
  if (isCanceled && last?.type !== "run.canceled" && code !== "recovery_exhausted")
    recorder.fail("R6", `${runId} was canceled and ended otherwise; ${tailOf(history)}`);
  if (code === null) return;
  if (!FAILURES.has(code)) recorder.fail("R6", `${runId} failed; ${tailOf(history)}`);
  if (code !== "recovery_exhausted") return;
  if (history.stalls > STALLS_MAX) return;
  if (losses.length <= RECOVERIES_MAX)
    recorder.fail("R6", `${runId} was given up although only ${losses.length} of its leases were lost`);
  const isOnlyKilled = losses.every(
    ({ cause, gatewayId }) => cause === "poison" && recorder.countedKillings.has(gatewayId),
  );
  if (!isPoison && isOnlyKilled) recorder.fail("R6", `${runId} was given up for what another run did`);
}

/**
 * R6: a run that stalls its gateways is counted, and asked again a bounded number of times. What another run's stall
 * has cost is forgiven by every gateway that lives on.
 */
function checkBlame(recorder: Recorder, history: RunHistory): void {
  const { runId, stalls, epoch, unforgiven } = history;
  if (isStallingRun(recorder, history)) {
    if (epoch > EPOCHS_OF_A_STALLING_RUN_MAX)
      recorder.fail("R6", `${runId} stalls its gateways, and was claimed ${epoch} times`);
    return;
  }
  if (stalls > 0) recorder.fail("R6", `${runId} is blamed for ${stalls} stalls, and caused none`);
  for (const gatewayId of unforgiven.values()) {
    if (!recorder.hasDied(gatewayId))
      recorder.fail("R6", `${runId} is counted for a stall of ${gatewayId} that another run caused`);
  }
}

/** The code of a run's failure, from its last fact; null: it did not fail. */
function codeOf(last: EventRecord | undefined): string | null {
  return last?.type === "run.failed" ? (dataOf(last)["error"] as { code: string }).code : null;
}

interface Step<T> {
  readonly deltas: T[];
  closedBy: "completed" | "discarded" | "nothing";
}

function stepsOf(canonical: readonly EventRecord[]): Map<number, Step<EventRecord>> {
  const steps = new Map<number, Step<EventRecord>>();
  let open: Step<EventRecord> | undefined;
  for (const record of canonical) {
    if (record.type === "step.started") steps.set(record.seq, (open = { deltas: [], closedBy: "nothing" }));
    else if (record.type === "step.completed" && open !== undefined) open.closedBy = "completed";
    else if (record.type === "step.discarded" && open !== undefined) open.closedBy = "discarded";
    else if (record.sub > 0) steps.get(record.seq)?.deltas.push(record);
  }
  return steps;
}

/**
 * R8, for the part of the record after the position where each watcher began. The text of each event was compared with
 * the committed one when it came.
 */
function checkWatchers(
  recorder: Recorder,
  history: RunHistory,
  canonical: readonly EventRecord[],
  watchers: readonly SimulatedWatcher[],
): void {
  const { runId } = history;
  const steps = stepsOf(canonical);
  for (const { startedAfter, events, isDone } of watchers) {
    const who = `a watcher of ${runId} from ${formatPosition(startedAfter)}`;
    if (!isDone)
      recorder.fail("R6", `${who} was never told the end: it has ${events.length} events up to ${lastOf(events)}`);
    const facts = events.filter((event) => event.sub === 0);
    const expected = history.facts.filter((fact) => comparePositions(fact, startedAfter) > 0);
    if (facts.length !== expected.length || facts.some((fact, index) => fact.json !== textOf(runId, expected[index])))
      recorder.fail("R8", `${who} has the facts ${facts.map((fact) => fact.seq).join()} of ${expected.length}`);
    for (const [seq, step] of steps) {
      if (seq < startedAfter.seq) continue;
      const first = seq === startedAfter.seq ? startedAfter.sub + 1 : 1;
      const subs = events.filter((event) => event.seq === seq && event.sub > 0).map((event) => event.sub);
      if (subs.some((sub, index) => sub !== first + index))
        recorder.fail("R8", `${who} has a gap under ${seq}-0: ${subs.join()}`);
      const wanted = step.deltas.filter((delta) => delta.sub >= first).length;
      if (step.closedBy === "completed" && subs.length !== wanted)
        recorder.fail("R8", `${who} has ${subs.length} deltas of the completed step at ${seq}-0, which has ${wanted}`);
    }
  }
}

/** The last facts of a run, for people. */
function tailOf({ facts, epoch }: RunHistory): string {
  return `epoch ${epoch}, ${facts
    .slice(-5)
    .map((fact) => `${fact.seq} ${fact.type} ${fact.payload.slice(0, 120)}`)
    .join("; ")}`;
}

function lastOf(events: readonly SeenEvent[]): string {
  const last = events.at(-1);
  return last === undefined ? "nothing" : formatPosition(last);
}

function textOf(runId: string, record: EventRecord | undefined): string | undefined {
  return record === undefined ? undefined : wireJson(runId, record, "");
}

import {
  comparePositions,
  type Failure,
  formatPosition,
  isTerminalType,
  type Position,
  type StartLimits,
} from "@hsafa/protocol";
import { type EventRecord, wireJson } from "../../src/core/event-record.ts";
import type { OutsideInput } from "../../src/core/input.ts";
import type { ClaimedRun, Commit, Inbox, StallCosts } from "../../src/ports/fleet-store.ts";
import type { SharedFile } from "./shared-files.ts";
import type { ToldFork } from "./check-forks.ts";
import { checkEntered, checkHistory } from "./check-conversations.ts";
import { relativesOf } from "./children-of-runs.ts";
import { noCounts } from "./counts.ts";
import type { LossCause } from "./lost-leases.ts";
import { callIdOf, dataOf, newRunHistory, type RunHistory } from "./run-history.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";

/** Who takes runs up, and by which of its claims. */
export interface Taker {
  readonly gatewayId: string;
  readonly claimNumber: number;
}

function claimOf(gatewayId: string, claimNumber: number): string {
  return `${gatewayId}#${claimNumber}`;
}

/** Sees everything that becomes true or visible in a world, and reports at once what must not be. */
export class Recorder {
  readonly violations: string[] = [];
  readonly runs = new Map<string, RunHistory>();
  /** By call id: how often work on it was begun, by server tools and by devices. */
  readonly executions = new Map<string, number>();
  /** By call id and attempt: which device took it on, and in which boot. */
  readonly #takers = new Map<string, string>();
  readonly unrepeatable = new Set<string>();
  /** The messages of runs whose steps have kept an event loop. */
  readonly stallers = new Set<string>();
  /** By call id: the bodies that the store accepted, and those that it said it had. */
  readonly acceptedResults = new Map<string, Set<string>>();
  readonly toldResults = new Map<string, Set<string>>();
  /** Texts of messages that a client was told were accepted, by run. */
  readonly toldMessages = new Map<string, string[]>();
  /** What the starts of runs narrowed, by run. */
  readonly limits = new Map<string, StartLimits>();
  readonly #lastOfThread = new Map<string, RunHistory>();
  readonly deletedThreads = new Set<string>();
  /** By the id of a branch: the run from which it goes on, or for a fork the run before which it does. */
  readonly origins = new Map<string, { readonly runId: string; readonly isFork: boolean }>();
  /** By the id of a fork: what somebody asked for. */
  readonly forks = new Map<string, ToldFork>();
  /** What a fork was asked for by a request that was lost, and refused when it was sent again. */
  readonly lateForks: ToldFork[] = [];
  /** By id: the files that somebody was told are stored. */
  readonly files = new Map<string, SharedFile>();
  readonly counts = noCounts();
  readonly #contested = new Set<string>();
  /** What each claim took, by its gateway and number. */
  readonly #takenBy = new Map<string, readonly { readonly runId: string; readonly epoch: number }[]>();
  /** By call id and attempt: those that a run was told are lost. */
  readonly #lost = new Set<string>();
  /** Calls of which a run has said that they were not executed. */
  readonly #unexecuted = new Set<string>();
  /** The gateways that a run killed, and that counted for that run. One that was parked by then is not counted. */
  readonly countedKillings = new Set<string>();
  /** Why a lease of this gateway may be lost now; null: there is no reason. */
  causeOfLoss: (gatewayId: string) => LossCause | null = () => null;
  hasDied: (gatewayId: string) => boolean = () => false;
  /** Called with each fact when it is committed: people and programs act on it. */
  onFact: (runId: string, fact: EventRecord) => void = () => {};
  /** Called with each input when it is accepted, except results. */
  onInput: (runId: string, input: OutsideInput) => void = () => {};

  fail(rule: string, what: string): void {
    if (this.violations.length < 20) this.violations.push(`${rule}: ${what}`);
  }

  history(runId: string): RunHistory {
    let history = this.runs.get(runId);
    if (history === undefined) this.runs.set(runId, (history = newRunHistory(runId)));
    return history;
  }

  started(runId: string, tenantId: TenantId, facts: readonly EventRecord[]): void {
    this.history(runId).tenantId = tenantId;
    this.#append(this.history(runId), facts, 0);
  }

  claimed(run: ClaimedRun, { gatewayId, claimNumber }: Taker): void {
    const history = this.history(run.runId);
    this.counts.claims += 1;
    const { runId, epoch } = run;
    this.#takenBy.set(claimOf(gatewayId, claimNumber), [
      ...(this.#takenBy.get(claimOf(gatewayId, claimNumber)) ?? []),
      { runId, epoch },
    ]);
    if (run.lost) this.#lostLease(history);
    history.holder = gatewayId;
    if (run.epoch !== history.epoch + 1)
      this.fail("R2", `a claim of ${run.runId} raised the epoch from ${history.epoch} to ${run.epoch}`);
    history.epoch = run.epoch;
  }

  /** A run that was just started was born with its lease. `facts`: how it began. */
  born(runId: string, tenantId: TenantId, offer: Taker, facts: readonly EventRecord[]): void {
    const lastSeq = this.history(runId).facts.length;
    this.claimed({ runId, tenantId, epoch: 1, lastSeq, lost: false, recoveries: 0, stalls: 0 }, offer);
    this.counts.claims -= 1;
    this.counts.births += 1;
    this.#append(this.history(runId), facts, 1);
  }

  /** A parked run was taken by the statement that answered its call. */
  taken(run: ClaimedRun, offer: Taker): void {
    this.claimed(run, offer);
    this.counts.claims -= 1;
    this.counts.taken += 1;
  }

  #lostLease(history: RunHistory): void {
    const { runId, holder } = history;
    this.counts.recoveries += 1;
    const cause = holder === null ? null : this.causeOfLoss(holder);
    if (holder === null || cause === null) {
      this.fail("R6", `${runId} is taken for lost, and nothing happened to its holder ${holder}`);
      return;
    }
    history.losses.push({ cause, gatewayId: holder });
    if (cause === "stall") history.unforgiven.set(history.epoch, holder);
    if (history.isPoison && cause === "poison") this.countedKillings.add(holder);
  }

  /** A gateway has not heard what these claims took. It knew of none of those runs, so it can forgive none. */
  unheard(gatewayId: string, claimNumbers: readonly number[]): void {
    for (const claimNumber of claimNumbers)
      for (const { runId, epoch } of this.#takenBy.get(claimOf(gatewayId, claimNumber)) ?? [])
        this.history(runId).unforgiven.delete(epoch);
  }

  /** The store has settled what a gateway's stall has cost. */
  settled({ stalled, forgiven }: StallCosts): void {
    for (const { runId, stalls } of stalled) this.history(runId).stalls = Math.max(this.history(runId).stalls, stalls);
    for (const { runId, epoch } of forgiven) {
      const { unforgiven, losses } = this.history(runId);
      if (!unforgiven.delete(epoch)) continue;
      const at = losses.findIndex(({ cause }) => cause === "stall");
      if (at >= 0) losses.splice(at, 1);
      this.counts.forgiven += 1;
    }
  }

  /** The store has applied a commit, perhaps once more. `last`: the run's last position before it. */
  committed(commit: Commit, last: Position): void {
    const history = this.history(commit.runId);
    for (const id of commit.consumed) history.consumed.add(id);
    for (const { runId, record } of commit.merges) this.#merged(history, this.history(runId), record);
    const [first] = commit.facts;
    if (first === undefined || first.seq <= history.facts.length) return;
    this.counts.commits += 1;
    if (commit.epoch !== history.epoch)
      this.fail(
        "R2",
        `${commit.runId}: facts from ${first.seq} were written under epoch ${commit.epoch}, not ${history.epoch}`,
      );
    for (const delta of commit.deltas) this.#stored(history, delta, commit.epoch);
    const known = commit.deltas.reduce<Position>((at, delta) => (comparePositions(delta, at) > 0 ? delta : at), last);
    this.#checkPrev(history, first, known);
    this.#append(history, commit.facts, commit.epoch);
    relativesOf(this, commit);
    if (history.hasEnded) history.consumedAtEnd = commit.consumed.length;
    else if (commit.progress) history.losses = [];
  }

  /** A run has ended, and its messages stand in another one. A repeat of the commit changes nothing. */
  #merged(into: RunHistory, history: RunHistory, record: EventRecord): void {
    into.steeredBy.delete(history.runId);
    if (history.facts.at(-1)?.type === "run.merged" && record.seq <= history.facts.length) return;
    if (history.epoch > 0) this.fail("R5", `${history.runId} was merged after it had begun`);
    this.#append(history, [record], 0);
  }

  stored(runId: string, delta: EventRecord, epoch: number): void {
    const history = this.history(runId);
    if (epoch === history.epoch) this.#stored(history, delta, epoch);
  }

  /** This record can be seen outside of the store from now on (R3). */
  seen(where: string, runId: string, record: EventRecord): void {
    this.seenText(where, runId, record, wireJson(runId, record, ""));
  }

  seenText(where: string, runId: string, position: Position, text: string): void {
    const history = this.history(runId);
    if (position.sub > 0) return this.#delta(history, position, text, where);
    const committed = history.factTexts[position.seq - 1];
    if (committed === undefined)
      this.fail("R3", `${where} sees ${formatPosition(position)} of ${runId} before its commit`);
    else if (committed !== text)
      this.fail("R3", `${where} sees another ${formatPosition(position)} of ${runId} than was committed: ${text}`);
  }

  /**
   * A device begins with an attempt at a call. Another attempt may go anywhere; this one belongs to one device, for as
   * long as that remembers it.
   */
  tookOn({ callId, attempt, by }: { readonly callId: string; readonly attempt: number; readonly by: string }): void {
    this.executed(callId);
    const key = `${callId} ${attempt}`;
    const taker = this.#takers.get(key);
    if (taker !== undefined)
      this.fail("R7", `attempt ${attempt} at the call ${callId} was executed by ${taker} and by ${by}`);
    this.#takers.set(key, by);
  }

  executed(callId: string): void {
    if (this.#unexecuted.has(callId))
      this.fail("R7", `the call ${callId} is executed after it was said that it was not`);
    const count = (this.executions.get(callId) ?? 0) + 1;
    this.executions.set(callId, count);
    if (count > 1 && this.unrepeatable.has(callId))
      this.fail("R7", `the call ${callId} is not repeatable and was executed ${count} times`);
  }

  /** An input is in the store. */
  enqueued(runId: string, input: OutsideInput): void {
    const history = this.history(runId);
    history.acceptedInputs += 1;
    if (input.kind === "cancel") history.isCanceled = true;
    if (input.kind === "steer") history.steeredBy.add(input.runId);
    if (input.kind === "approval") history.decisions.set(input.callId, input.approved);
    if (input.kind === "dispatch_lost") {
      this.counts.lostCalls += 1;
      this.#lost.add(`${input.callId} ${input.attempt}`);
    }
    this.onInput(runId, input);
  }

  /** A holder reads the inbox of its run. */
  readInbox({ count, inputs }: Inbox): void {
    if (count > inputs.length) this.counts.longInboxes += 1;
    const isCanceled = inputs.some(({ input }) => input.kind === "cancel");
    const lost = new Set(inputs.flatMap(({ input }) => (input.kind === "dispatch_lost" ? [input.callId] : [])));
    if (!isCanceled && lost.size === 0) return;
    for (const { inputId, input } of inputs) {
      if (input.kind !== "tool_result" || this.#contested.has(inputId)) continue;
      if (!isCanceled && !lost.has(input.callId)) continue;
      this.#contested.add(inputId);
      this.counts.contestedResults += 1;
    }
  }

  told(callId: string, body: string): void {
    const bodies = add(this.toldResults, callId, body);
    if (bodies.size > 1) this.fail("R7", `two results of the call ${callId} were taken`);
  }

  /** A device was told that its result was taken. */
  acknowledged(callId: string): void {
    if (!this.acceptedResults.has(callId))
      this.fail("R6", `a result of the call ${callId} was acknowledged and is not in the store`);
  }

  accepted(callId: string, body: string): void {
    if (add(this.acceptedResults, callId, body).size > 1)
      this.fail("R7", `the store took two results of the call ${callId}`);
  }

  #stored(history: RunHistory, delta: EventRecord, epoch: number): void {
    if (history.stepEpochs.get(delta.seq) !== epoch)
      this.fail(
        "R2",
        `the delta ${formatPosition(delta)} of ${history.runId} hangs under no step of its holder (epoch ${epoch})`,
      );
    this.#delta(history, delta, wireJson(history.runId, delta, ""), "the store");
  }

  #delta(history: RunHistory, position: Position, text: string, where: string): void {
    const key = formatPosition(position);
    const known = history.deltas.get(key);
    if (known === undefined) history.deltas.set(key, text);
    else if (known !== text)
      this.fail("R2", `${where} has another ${key} of ${history.runId}: ${text} and not ${known}`);
    if (history.facts[position.seq - 1]?.type !== "step.started")
      this.fail("R2", `the delta ${key} of ${history.runId} hangs under no step.started`);
  }

  #checkPrev(history: RunHistory, fact: EventRecord, last: Position): void {
    const { prev, type } = fact;
    if (prev === null || prev.seq !== fact.seq - 1 || comparePositions(prev, last) > 0)
      return this.fail(
        "R8",
        `${fact.seq}-0 of ${history.runId} names ${prev === null ? "nothing" : formatPosition(prev)} as its predecessor, which is ${formatPosition(last)}`,
      );
    if (type === "step.completed" && comparePositions(prev, last) !== 0)
      this.fail("R8", `${fact.seq}-0 of ${history.runId} completes a step and passes over ${formatPosition(last)}`);
  }

  #append(history: RunHistory, facts: readonly EventRecord[], epoch: number): void {
    for (const fact of facts) {
      if (fact.seq !== history.facts.length + 1)
        this.fail("R2", `${history.runId} has a fact ${fact.seq} after ${history.facts.length}`);
      if (history.hasEnded) this.fail("R6", `${history.runId} has a fact ${fact.seq} after its end`);
      history.facts.push(fact);
      history.factTexts.push(wireJson(history.runId, fact, ""));
      if (fact.type === "run.created") this.#takesTurn(history, fact);
      if (fact.type === "run.started") checkHistory(this, history, fact);
      if (fact.type === "tool.expired") this.#expires(history, fact);
      if (fact.type === "step.started") {
        history.stepEpochs.set(fact.seq, epoch);
        checkEntered(this, history);
        for (let { before } = history; before !== null; before = before.before) {
          if (!before.hasEnded)
            this.fail("R5", `${history.runId} begins a step before ${before.runId} of its thread has ended`);
        }
      }
      if (isTerminalType(fact.type)) history.hasEnded = true;
      this.onFact(history.runId, fact);
    }
  }

  /**
   * A call that its device has lost settles as that, and must not expire. A call that is said not to be executed was
   * not, and is not later.
   */
  #expires(history: RunHistory, expired: EventRecord): void {
    const callId = callIdOf(expired);
    const attempts = history.facts.filter((fact) => fact.type === "tool.dispatched" && callIdOf(fact) === callId);
    if (this.#lost.has(`${callId} ${attempts.length}`))
      this.fail("R7", `the call ${callId} of ${history.runId} has expired although it was known to be lost`);
    if ((dataOf(expired)["error"] as Failure).code !== "not_executed") return;
    this.counts.unexecutedCalls += 1;
    this.#unexecuted.add(callId);
    if (this.executions.has(callId)) this.fail("R7", `the call ${callId} is said not to be executed, and was`);
  }

  /** A thread was deleted, and these runs were canceled with it. */
  threadDeleted(threadId: string, told: readonly string[]): void {
    this.counts.deletedThreads += 1;
    this.deletedThreads.add(threadId);
    for (const runId of told) this.enqueued(runId, { kind: "cancel", reason: null });
    for (const { runId, hasEnded, isCanceled, ...history } of this.runs.values()) {
      if (history.threadId === threadId && !hasEnded && !isCanceled)
        this.fail("R5", `the thread of ${runId} was deleted, and the run was not canceled`);
    }
  }

  /** Runs of a thread take turns in the order in which they were made. */
  #takesTurn(history: RunHistory, created: EventRecord): void {
    const { threadId } = dataOf(created);
    if (typeof threadId !== "string") return;
    history.threadId = threadId;
    if (this.deletedThreads.has(threadId)) this.fail("R5", `${history.runId} was started on a thread that was deleted`);
    history.before = this.#lastOfThread.get(threadId) ?? null;
    this.#lastOfThread.set(threadId, history);
  }
}

function add(sets: Map<string, Set<string>>, key: string, value: string): Set<string> {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(value));
  return set;
}

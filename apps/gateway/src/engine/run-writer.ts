/**
 * Brings the events of one run to watchers while a holder has it. All of them go this way, so the order of positions is
 * the order of the live log.
 *
 * 1. One write to the live log is in flight. Meanwhile the next one gathers, and neighbouring fragments of one part
 *    become one delta. With nothing in flight a fragment travels alone and at once. Only if the run is far ahead of
 *    Postgres, the next write gathers for a moment anyway. The beginning of a part waits until this turn of the
 *    loop is over. Its first words mostly come in the same turn, and take it along at once.
 * 2. A position is given once, when the delta is sent. Its payload is serialised then, once, for every store and
 *    watcher.
 * 3. Facts come here only after their commit (R3), and go after the deltas before them.
 * 4. Of what the live log did not take, watchers are told when Postgres holds it.
 * 5. A holder whose lease is stale publishes nothing more, and cannot go on: its record would have a hole.
 * 6. A step may be written ahead, while the commit of its `step.started` is in flight. Until then its fragments gather
 *    and get no position. So no watcher, no batch and no commit has them (R3).
 * 7. The live log may hold a history that the store has lost. So the first batch, and the one after a batch that may be
 *    missing, name the fact below them.
 * 8. The end of a run that was merged into this one has no holder of its own. It goes to that run's watchers from here.
 * 9. Watchers on this gateway hear of facts at once, since the store holds them. Facts wait only for the events before
 *    them.
 */
import { comparePositions, type Position, START } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { MergedRun } from "../core/merged-end.ts";
import type { AppendOutcome } from "../ports/live-log.ts";
import type { ModelPart } from "../ports/model.ts";
import type { Claim } from "./claim.ts";
import { continues, type Fragment, type OpenStep, recordOf } from "./fragment.ts";
import type { DeltaBatcher, DeltaOutbox } from "./delta-batcher.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { COALESCE_ABOVE_ROWS, COALESCE_MS, GATHERED_CHARACTERS_MAX, GATHERED_FRAGMENTS_MAX } from "./limits.ts";

export interface RunWriterParams {
  readonly deps: Pick<EngineDeps, "liveLog" | "localFeed" | "clock" | "generation">;
  readonly batcher: DeltaBatcher;
  readonly claim: Claim;
  /** The last event that the store held when the run was loaded. */
  readonly position: Position;
  /** The last fact that the store held then; null: it was not read. */
  readonly lastFact: EventRecord | null;
  /** Returns the database's time, in ms. */
  readonly now: () => number;
  /** Whether the lease is good: a stale holder publishes nothing more. */
  readonly mayPublish: () => boolean;
  /** Called when something was not published for want of a good lease (5.). */
  readonly onStale: () => void;
  /** Called with a bug in what the writer calls. */
  readonly onBug: (error: unknown) => void;
}

export class RunWriter {
  readonly #params: RunWriterParams;
  readonly #outbox: DeltaOutbox;
  #step: OpenStep | null = null;
  #text = "";
  #gathered: Fragment[] = [];
  #gatheredCharacters = 0;
  /** Records with a position, waiting for their turn in the live log. */
  #queue: EventRecord[] = [];
  #writing: Promise<void> | null = null;
  /** A moment of gathering: until words follow the beginning of a part, or until Postgres may have caught up (1.). */
  #gathering: { readonly for: "words" | "store"; readonly cancel: () => void } | null = null;
  #position: Position;
  /** Up to where Postgres is known to hold the run. */
  #stored: Position;
  /** Up to where watchers are to be told that Postgres holds it, because the live log did not take it (4.). */
  #untold: Position = START;
  /** The last fact of which the live log was told, or was to be told before it was told anything. */
  #lastFact: EventRecord | null;
  /** Whether the live log may lack that fact, or hold another one (7.). */
  #isUnsure = true;
  /** Set while the model is asked to pause. */
  #capacity: PromiseWithResolvers<void> | null = null;
  /** The last fact that was committed here. */
  #published: EventRecord | null = null;
  /** Up to here watchers on this gateway were told before the live log answered (9.). */
  #toldAhead: Position = START;
  #isDropped = false;
  /** Whether the open step is written ahead of its commit (6.). */
  #isAhead = false;
  #factBytes = 0;
  /** The ends of merged runs that the live log has not answered yet (8.). */
  readonly #merging = new Set<Promise<void>>();

  constructor(params: RunWriterParams) {
    this.#params = params;
    this.#position = params.position;
    this.#stored = params.position;
    this.#lastFact = params.lastFact;
    this.#outbox = params.batcher.open(params.claim, {
      onStored: (upTo) => this.#hasStored(upTo),
      onDrain: () => this.#resumeModel(),
    });
  }

  /** The last position that was given: the `prev` of the next fact. */
  get position(): Position {
    return this.#position;
  }

  /** The last fact of the run. */
  get lastFact(): EventRecord | null {
    return this.#published ?? this.#params.lastFact;
  }

  /** Of the payloads of all facts that were committed here. */
  get factBytes(): number {
    return this.#factBytes;
  }

  /** The text of the step so far, which a cancel keeps. */
  get stepText(): string {
    return this.#text;
  }

  /** Deltas that Postgres is not known to hold: the next commit must carry them along. */
  get unacknowledged(): readonly EventRecord[] {
    return this.#outbox.unacknowledged;
  }

  /** The next step is opened before its `step.started` is committed. `publish` or `abandonAhead` follows (6.). */
  expectStep(): void {
    this.#isAhead = true;
  }

  /** The `step.started` was not committed: what was written ahead is forgotten. */
  abandonAhead(): void {
    if (!this.#isAhead) return;
    this.#isAhead = false;
    this.#step = null;
    this.#text = "";
    this.#gathered = [];
    this.#gatheredCharacters = 0;
    this.#resumeModel();
  }

  /** Begins a step: deltas from now on hang under the `step.started` at `seq`. */
  openStep(step: number, seq: number): void {
    if (this.#isDropped) return;
    this.#step = { step, seq, sub: 0 };
    this.#text = "";
  }

  /** Publishes a fragment of the open step. Without an open step it is dropped. */
  write(part: ModelPart): void {
    if (this.#step === null) return;
    if (part.at === "delta") {
      if (part.text === "") return;
      if (part.kind === "text") this.#text += part.text;
    }
    this.#gather(part);
    if (this.#writing === null) this.#sendOrGather();
  }

  /** Returns a promise for when there is room for more fragments, or undefined if there is room now. */
  waitForCapacity(): Promise<void> | undefined {
    if (this.#step === null || !this.#isSaturated()) return undefined;
    this.#capacity ??= Promise.withResolvers<void>();
    return this.#capacity.promise;
  }

  /** Ends the step: gives the last fragments their positions, and drops what the model still says. */
  closeStep(): void {
    this.#place();
    this.#step = null;
    this.#resumeModel();
    if (this.#writing === null) this.#send();
  }

  /** Publishes facts whose commit was written and carried every delta before them (3.). */
  publish(facts: readonly EventRecord[]): void {
    const last = facts.at(-1);
    if (last === undefined) return;
    this.#position = last;
    this.#published = last;
    this.#isAhead = false; // 6.
    for (const { payload } of facts) this.#factBytes += Buffer.byteLength(payload);
    this.#outbox.committed(last);
    this.#tellAhead(facts, last);
    this.#queue.push(...facts);
    this.#hasStored(last);
    if (this.#writing === null) this.#send();
  }

  /** Publishes the ends of runs that were merged into this one, after the commit that wrote them (8.). */
  publishMerged(merges: readonly MergedRun[]): void {
    for (const { runId, record } of merges) {
      const published = this.#publishEnd(runId, record).finally(() => this.#merging.delete(published));
      this.#merging.add(published);
    }
  }

  /** Publishes nothing more, and forgets what was not stored. */
  drop(): void {
    this.#isDropped = true;
    this.#step = null;
    this.#gathered = [];
    this.#queue = [];
    this.#gathering?.cancel();
    this.#gathering = null;
    this.#outbox.close();
    this.#resumeModel();
  }

  /** Waits until everything so far was written to the live log or refused by it, then closes. */
  async close(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
    await Promise.all(this.#merging);
    this.drop();
  }

  /** 9. */
  #tellAhead(facts: readonly EventRecord[], last: Position): void {
    const isNext = this.#writing === null && this.#queue.length === 0 && comparePositions(this.#untold, START) === 0;
    if (!isNext || this.#isDropped || !this.#params.mayPublish()) return;
    this.#toldAhead = last;
    this.#params.deps.localFeed.published(this.#params.claim.runId, facts);
  }

  async #publishEnd(runId: string, record: EventRecord): Promise<void> {
    const { claim, deps, onBug } = this.#params;
    try {
      const outcome = await deps.liveLog.forTenant(claim.tenantId).append({ runId, records: [record] });
      const accepted = outcome.kind === "appended" ? outcome.accepted : [];
      if (accepted.length > 0) deps.localFeed.published(runId, accepted);
      else deps.localFeed.stored(runId, record);
    } catch (error) {
      onBug(error);
    }
  }

  #gather(part: ModelPart): void {
    const text = part.at === "delta" ? part.text : "";
    const last = this.#gathered.at(-1);
    if (last !== undefined && continues(last, part)) last.text += text;
    else this.#gathered.push({ part, text });
    this.#gatheredCharacters += text.length;
  }

  /** Gives positions to what has gathered, under the step's own `step.started` (2., R2). */
  #place(): void {
    const step = this.#step;
    if (step === null || this.#isAhead || this.#gathered.length === 0) return;
    const ts = this.#params.now();
    for (const fragment of this.#gathered) {
      step.sub += 1;
      const record = recordOf(step, fragment, ts);
      this.#queue.push(record);
      this.#outbox.add(record);
      this.#position = record;
    }
    this.#gathered = [];
    this.#gatheredCharacters = 0;
  }

  /** 1. */
  #sendOrGather(): void {
    if (this.#gathering?.for === "store") return;
    const isAhead = this.#queue.length === 0 && this.#outbox.unacknowledged.length > COALESCE_ABOVE_ROWS;
    const isBeginning = this.#queue.length === 0 && this.#gathered.every(({ part }) => part.at === "start");
    if (!isAhead && !isBeginning) {
      this.#send();
      return;
    }
    if (this.#gathering !== null) return;
    const cancel = this.#params.deps.clock.after(isAhead ? COALESCE_MS : 0, () => {
      this.#gathering = null;
      if (this.#writing === null) this.#send();
    });
    this.#gathering = { for: isAhead ? "store" : "words", cancel };
  }

  #send(): void {
    this.#gathering?.cancel();
    this.#gathering = null;
    if (this.#isDropped) return;
    if (!this.#params.mayPublish()) {
      this.drop(); // 5.
      this.#params.onStale();
      return;
    }
    this.#place();
    if (this.#queue.length === 0) return;
    const records = this.#queue;
    this.#queue = [];
    const { claim, deps, onBug } = this.#params;
    const { tag } = deps.generation.present;
    const below = this.#isUnsure ? this.#lastFact : null;
    this.#writing = deps.liveLog
      .forTenant(claim.tenantId)
      .append({ runId: claim.runId, records, below })
      .then((outcome) => this.#appended(records, outcome, tag))
      .catch(onBug);
  }

  #appended(records: readonly EventRecord[], outcome: AppendOutcome, tag: string): void {
    this.#writing = null;
    this.#isUnsure = outcome.kind !== "appended";
    this.#lastFact = records.findLast(({ sub }) => sub === 0) ?? this.#lastFact;
    if (outcome.kind === "other_history") {
      this.#params.deps.generation.report(tag, "the live log holds other facts of a run than the store");
    }
    const accepted = outcome.kind === "appended" ? outcome.accepted : [];
    const unheard = accepted.filter((record) => comparePositions(record, this.#toldAhead) > 0);
    if (unheard.length > 0) this.#params.deps.localFeed.published(this.#params.claim.runId, unheard);
    if (accepted.length < records.length) this.#tellWhenStored(records);
    if (this.#gathered.length > 0 || this.#queue.length > 0) this.#sendOrGather();
    if (!this.#isSaturated()) this.#resumeModel();
  }

  #tellWhenStored(records: readonly EventRecord[]): void {
    this.#untold = records.at(-1) ?? this.#untold;
    if (comparePositions(this.#untold, this.#stored) <= 0) this.#tellStored();
    else if (!this.#isDropped) this.#outbox.flushSoon();
  }

  #hasStored(upTo: Position): void {
    if (this.#isDropped) return;
    if (comparePositions(upTo, this.#stored) > 0) this.#stored = upTo;
    if (comparePositions(this.#untold, START) > 0) this.#tellStored();
  }

  #tellStored(): void {
    this.#params.deps.localFeed.stored(this.#params.claim.runId, this.#stored);
    if (comparePositions(this.#untold, this.#stored) <= 0) this.#untold = START;
  }

  #isSaturated(): boolean {
    return (
      this.#gatheredCharacters > GATHERED_CHARACTERS_MAX ||
      this.#gathered.length > GATHERED_FRAGMENTS_MAX ||
      this.#params.batcher.isFull
    );
  }

  #resumeModel(): void {
    this.#capacity?.resolve();
    this.#capacity = null;
  }
}

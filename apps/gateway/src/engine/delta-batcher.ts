import { comparePositions, type Position } from "@hsafa/protocol";
import { backoffMs } from "../core/backoff.ts";
import type { EventRecord } from "../core/event-record.ts";
import {
  DELTA_BACKLOG_CHARACTERS_MAX,
  DELTA_BATCH_CHARACTERS_MAX,
  DELTA_BATCH_ROWS_MAX,
  STORE_RETRY,
} from "./limits.ts";
import { FLUSH_INTERVAL_MS } from "../ports/limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { Log } from "../ports/log.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { Claim } from "./engine-deps.ts";

/** What a run hears about its deltas. */
export interface OutboxListener {
  /** A batch brought the run's deltas up to this position to Postgres. */
  onStored(upTo: Position): void;
  /** The gateway's backlog has shrunk: a model that was asked to pause may go on. */
  onDrain(): void;
}

type Row = Parameters<FleetStore["appendDeltas"]>[0]["rows"][number];

interface Batch {
  readonly rows: Row[];
  /** Up to where the batch carries each run. */
  readonly taken: Map<DeltaOutbox, Position>;
  /** Whether its bounds left rows behind. */
  readonly more: boolean;
}

/**
 * Brings the deltas of all runs of a gateway to Postgres: one batch in flight, the next one gathering meanwhile. A row
 * stays in its run's outbox until it is acknowledged, so that a commit can carry it along.
 */
export class DeltaBatcher {
  readonly #store: Pick<FleetStore, "appendDeltas">;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Outboxes with rows that no batch has taken yet, in the order they will be served. */
  readonly #waiting = new Set<DeltaOutbox>();
  readonly #open = new Set<DeltaOutbox>();
  #backlogCharacters = 0;
  #wasFull = false;
  #flight: Promise<void> | null = null;
  #timer: { readonly soon: boolean; readonly cancel: () => void } | null = null;
  #soon = false;
  #failures = 0;
  #closed = false;

  constructor(params: { readonly store: Pick<FleetStore, "appendDeltas">; readonly clock: Clock; readonly log: Log }) {
    this.#store = params.store;
    this.#clock = params.clock;
    this.#log = params.log;
  }

  /** Opens the outbox of a claimed run; whoever opens it closes it. */
  open(claim: Claim, listener: OutboxListener): DeltaOutbox {
    const outbox = new DeltaOutbox(claim, listener, {
      waits: () => this.#gather(outbox),
      flushSoon: () => this.#flushSoon(),
      grew: (characters) => this.#grew(characters),
      closed: () => this.#forget(outbox),
    });
    this.#open.add(outbox);
    return outbox;
  }

  /** Whether so much waits for Postgres that models should pause. */
  get isFull(): boolean {
    return this.#backlogCharacters > DELTA_BACKLOG_CHARACTERS_MAX;
  }

  /** Waits for the batch in flight and begins no other: outboxes are closed before. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#flight;
  }

  #gather(outbox: DeltaOutbox): void {
    this.#waiting.add(outbox);
    this.#schedule(FLUSH_INTERVAL_MS);
  }

  #flushSoon(): void {
    this.#soon = true;
    // Postgres is away: hurry would only shorten the pause between tries.
    if (this.#failures > 0 || this.#timer?.soon === true) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    if (this.#closed || this.#flight !== null || this.#timer !== null || this.#waiting.size === 0) return;
    const cancel = this.#clock.after(delayMs, () => {
      this.#timer = null;
      this.#soon = false;
      const batch = this.#take();
      if (batch.rows.length > 0) this.#flight = this.#write(batch).then((nextInMs) => this.#landed(nextInMs));
    });
    this.#timer = { soon: delayMs === 0, cancel };
  }

  /** Writes one batch and answers after how many ms the next one may follow. */
  async #write({ rows, taken, more }: Batch): Promise<number> {
    try {
      await this.#store.appendDeltas({ rows });
      this.#failures = 0;
      for (const [outbox, upTo] of taken) outbox.acknowledged(upTo);
      return more ? 0 : FLUSH_INTERVAL_MS;
    } catch (error) {
      this.#failures += 1;
      for (const outbox of taken.keys()) outbox.refused();
      if (!(error instanceof StoreUnavailable))
        this.#log.error({ err: error }, "a batch of deltas could not be written");
      return backoffMs(this.#failures, STORE_RETRY, this.#clock.random());
    }
  }

  #landed(nextInMs: number): void {
    this.#flight = null;
    this.#schedule(this.#soon && this.#failures === 0 ? 0 : nextInMs);
  }

  /** The next batch, within its bounds (a single larger row goes alone). */
  #take(): Batch {
    const rows: Row[] = [];
    const taken = new Map<DeltaOutbox, Position>();
    let characters = 0;
    for (const outbox of this.#waiting) {
      const { tenantId, runId, epoch } = outbox.claim;
      for (let record = outbox.next(); record !== undefined; record = outbox.next()) {
        characters += record.payload.length;
        const isOver = rows.length >= DELTA_BATCH_ROWS_MAX || characters > DELTA_BATCH_CHARACTERS_MAX;
        if (isOver && rows.length > 0) {
          // To the end of the line, so that one talkative run does not keep the others waiting.
          this.#waiting.delete(outbox);
          this.#waiting.add(outbox);
          return { rows, taken, more: true };
        }
        rows.push({ tenantId, runId, epoch, record });
        outbox.take();
        taken.set(outbox, record);
      }
      this.#waiting.delete(outbox);
    }
    return { rows, taken, more: false };
  }

  #grew(characters: number): void {
    this.#backlogCharacters += characters;
    if (this.isFull) this.#wasFull = true;
    if (!this.#wasFull || this.#backlogCharacters > DELTA_BACKLOG_CHARACTERS_MAX / 2) return;
    this.#wasFull = false;
    for (const outbox of this.#open) outbox.listener.onDrain();
  }

  #forget(outbox: DeltaOutbox): void {
    this.#waiting.delete(outbox);
    this.#open.delete(outbox);
  }
}

interface OutboxOwner {
  waits(): void;
  flushSoon(): void;
  /** By how many characters of payload; negative when it shrank. */
  grew(characters: number): void;
  closed(): void;
}

/** The deltas of one claimed run from when they have a position until Postgres is known to hold them. */
export class DeltaOutbox {
  readonly claim: Claim;
  readonly listener: OutboxListener;
  readonly #owner: OutboxOwner;
  #records: EventRecord[] = [];
  /** How many of `#records`, from the front, are in the batch in flight. */
  #taken = 0;

  constructor(claim: Claim, listener: OutboxListener, owner: OutboxOwner) {
    this.claim = claim;
    this.listener = listener;
    this.#owner = owner;
  }

  add(record: EventRecord): void {
    this.#records.push(record);
    this.#owner.grew(record.payload.length);
    this.#owner.waits();
  }

  /** Everything that Postgres is not known to hold, what a batch in flight carries too. */
  get unacknowledged(): readonly EventRecord[] {
    return this.#records;
  }

  /** Asks for the next batch at once: watchers have nothing but Postgres to be served from. */
  flushSoon(): void {
    this.#owner.flushSoon();
  }

  /** A commit carried everything up to this position. */
  committed(upTo: Position): void {
    this.#drop(upTo);
  }

  /** The holder is done; what is not stored by now belongs to a step that was cut short. */
  close(): void {
    this.#drop({ seq: Number.POSITIVE_INFINITY, sub: 0 });
    this.#owner.closed();
  }

  // For the batcher.

  next(): EventRecord | undefined {
    return this.#records[this.#taken];
  }

  take(): void {
    this.#taken += 1;
  }

  acknowledged(upTo: Position): void {
    this.#drop(upTo);
    this.listener.onStored(upTo);
  }

  /** The batch failed: its rows wait again. */
  refused(): void {
    this.#taken = 0;
    if (this.#records.length > 0) this.#owner.waits();
  }

  #drop(upTo: Position): void {
    let count = 0;
    let characters = 0;
    for (const record of this.#records) {
      if (comparePositions(record, upTo) > 0) break;
      count += 1;
      characters += record.payload.length;
    }
    if (count === 0) return;
    // A commit in the meantime may have dropped what a batch in flight still carries, so the array is replaced, never
    // spliced under it.
    this.#records = this.#records.slice(count);
    this.#taken = Math.max(0, this.#taken - count);
    this.#owner.grew(-characters);
  }
}

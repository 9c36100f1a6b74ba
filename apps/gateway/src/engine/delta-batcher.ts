/**
 * Brings the deltas of all runs of a gateway to Postgres.
 *
 * 1. One batch is in flight, and the next one gathers meanwhile. While writes are slow, batches grow instead of
 *    following each other closer.
 * 2. A row stays in its run's outbox until Postgres is known to hold it, so that a commit can carry it along. A batch
 *    that failed is written again, in order. The store skips a row that is there already.
 * 3. Runs take turns: one with many deltas does not keep the others waiting.
 * 4. Above the bound of the backlog models are asked to pause, until half of it is written.
 */
import { comparePositions, type Position } from "@hsafa/protocol";
import type { EventRecord } from "../core/event-record.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import { FLUSH_INTERVAL_MS } from "../ports/limits.ts";
import type { Log } from "../ports/log.ts";
import { Recurring } from "../runtime/recurring.ts";
import type { Claim } from "./claim.ts";
import {
  DELTA_BACKLOG_CHARACTERS_MAX,
  DELTA_BATCH_CHARACTERS_MAX,
  DELTA_BATCH_ROWS_MAX,
  STORE_RETRY,
} from "./limits.ts";

/** What a run is told of its deltas. */
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

export class DeltaBatcher {
  readonly #store: Pick<FleetStore, "appendDeltas">;
  readonly #batches: Recurring;
  /** Outboxes with rows that no batch has taken yet, in the order they will be served. */
  readonly #waiting = new Set<DeltaOutbox>();
  readonly #open = new Set<DeltaOutbox>();
  #backlogCharacters = 0;
  #wasFull = false;
  #isWriting = false;

  constructor(params: { readonly store: Pick<FleetStore, "appendDeltas">; readonly clock: Clock; readonly log: Log }) {
    const { store, clock, log } = params;
    this.#store = store;
    this.#batches = new Recurring({ name: "write deltas", tick: () => this.#tick(), retry: STORE_RETRY, clock, log });
    this.#batches.start(null);
  }

  /** Opens the outbox of a claimed run. The caller closes it. */
  open(claim: Claim, listener: OutboxListener): DeltaOutbox {
    const outbox = new DeltaOutbox(claim, listener, {
      waits: () => this.#gather(outbox),
      flushSoon: () => this.#batches.request(),
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

  /** Waits for the batch in flight and begins no other. Outboxes are closed before. */
  async close(): Promise<void> {
    await this.#batches.stop();
  }

  #gather(outbox: DeltaOutbox): void {
    this.#waiting.add(outbox);
    // 1. What gathers during a write is due one interval after its end.
    if (!this.#isWriting) this.#batches.request(FLUSH_INTERVAL_MS);
  }

  /** Writes one batch. Returns after how many ms the next one is due; null: when a delta comes. */
  async #tick(): Promise<number | null> {
    const { rows, taken, more } = this.#nextBatch();
    if (rows.length === 0) return null;
    this.#isWriting = true;
    try {
      await this.#store.appendDeltas({ rows });
    } catch (error) {
      for (const outbox of taken.keys()) outbox.refused(); // 2.
      throw error;
    } finally {
      this.#isWriting = false;
    }
    for (const [outbox, upTo] of taken) outbox.acknowledged(upTo);
    if (more) return 0;
    return this.#waiting.size > 0 ? FLUSH_INTERVAL_MS : null;
  }

  /** The next batch, within its bounds. A single larger row goes alone. */
  #nextBatch(): Batch {
    const rows: Row[] = [];
    const taken = new Map<DeltaOutbox, Position>();
    let characters = 0;
    for (const outbox of this.#waiting) {
      const { tenantId, runId, epoch } = outbox.claim;
      for (let record = outbox.next(); record !== undefined; record = outbox.next()) {
        characters += record.payload.length;
        const isOver = rows.length >= DELTA_BATCH_ROWS_MAX || characters > DELTA_BATCH_CHARACTERS_MAX;
        if (isOver && rows.length > 0) {
          this.#waiting.delete(outbox);
          this.#waiting.add(outbox); // 3.
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

  /** 4. */
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

/**
 * The memory that the runs of one gateway have for what they have read: their records, and those of their threads.
 *
 * 1. A run has `RUN_BYTES_FREE` without asking, so that small runs never wait for anything. For more it takes room
 *    before it reads.
 * 2. Tenants share the room: one gets more only while it has less than `PLACES_PER_FREE_PLACE` times what would stay
 *    free. So a tenant with large runs leaves room for others, and one that has nothing finds some.
 * 3. Of a tenant's runs the one that was taken up first gets what becomes free, and no other gets any before it.
 * 4. Runs do not wait for each other: of those that have taken room, only the one that was taken up first waits. Any
 *    other gets a no. It then gives back what it has, its lease too, and is taken up again. So does a run that has
 *    waited for `ROOM_WAIT_MS`.
 * 5. What a run writes while it is held is counted and never refused: its record has a bound of its own.
 */
import type { Clock } from "../ports/clock.ts";
import { PLACES_PER_FREE_PLACE } from "../ports/limits.ts";
import { HELD_BYTES_MAX, ROOM_WAIT_MS, RUN_BYTES_FREE } from "./limits.ts";

interface Waiting {
  readonly tenantId: string;
  /** The place of its run among all that were taken up. */
  readonly order: number;
  readonly bytes: number;
  /** Whether its run has taken room before, which others may wait for. */
  readonly isHolding: boolean;
  readonly settle: (isTaken: boolean) => void;
}

export class RecordRoom {
  readonly #clock: Pick<Clock, "after">;
  readonly #bytesMax: number;
  readonly #ofTenants = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #taken = 0;
  #opened = 0;
  #isClosed = false;

  constructor({
    clock,
    bytesMax = HELD_BYTES_MAX,
  }: { readonly clock: Pick<Clock, "after">; readonly bytesMax?: number }) {
    this.#clock = clock;
    this.#bytesMax = bytesMax;
  }

  /** Bytes that runs have, beyond what each has without asking. */
  get taken(): number {
    return this.#taken;
  }

  /** The room of one run that is held from now on. */
  open(tenantId: string): RunRoom {
    this.#opened += 1;
    const order = this.#opened;
    return new RunRoom({
      take: (bytes, isHolding) => this.#take({ tenantId, order, bytes, isHolding }),
      change: (bytes) => this.#change(tenantId, bytes),
    });
  }

  /** The gateway stops: nobody waits any more. */
  close(): void {
    this.#isClosed = true;
    for (const waiting of this.#waiting) waiting.settle(false);
  }

  async #take(wanted: Omit<Waiting, "settle">): Promise<boolean> {
    const { tenantId, order, bytes, isHolding } = wanted;
    const others = [...this.#waiting].filter((waiting) => waiting.tenantId === tenantId);
    const isFirst = others.every((waiting) => waiting.order > order);
    if (isFirst && this.#fits(tenantId, bytes)) {
      this.#change(tenantId, bytes);
      return true;
    }
    if (this.#isClosed || (isHolding && !isFirst)) return false; // 4.
    for (const waiting of others) if (waiting.isHolding && waiting.order > order) waiting.settle(false);
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ROOM_WAIT_MS, () => waiting.settle(false)); // 4.
      const waiting: Waiting = {
        ...wanted,
        settle: (isTaken) => {
          cancel();
          this.#waiting.delete(waiting);
          resolve(isTaken);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  /** 2. */
  #fits(tenantId: string, bytes: number): boolean {
    const free = this.#bytesMax - this.#taken - bytes;
    const ofTenant = (this.#ofTenants.get(tenantId) ?? 0) + bytes;
    return free >= 0 && ofTenant <= PLACES_PER_FREE_PLACE * free;
  }

  #change(tenantId: string, bytes: number): void {
    const ofTenant = (this.#ofTenants.get(tenantId) ?? 0) + bytes;
    if (ofTenant === 0) this.#ofTenants.delete(tenantId);
    else this.#ofTenants.set(tenantId, ofTenant);
    this.#taken += bytes;
    if (bytes < 0) this.#admit();
  }

  /** 3. */
  #admit(): void {
    const mustWait = new Set<string>();
    for (const waiting of [...this.#waiting].toSorted((a, b) => a.order - b.order)) {
      const { tenantId } = waiting;
      if (mustWait.has(tenantId) || !this.#fits(tenantId, waiting.bytes)) {
        mustWait.add(tenantId);
        continue;
      }
      this.#change(tenantId, waiting.bytes);
      waiting.settle(true);
    }
  }
}

/** The room of one run. */
export class RunRoom {
  readonly #take: (bytes: number, isHolding: boolean) => Promise<boolean>;
  readonly #change: (bytes: number) => void;
  readonly #parts = { record: 0, thread: 0 };
  /** Of its bytes, those that count. */
  #counted = 0;
  #hasTaken = false;
  #hasLeft = false;

  constructor(room: {
    readonly take: (bytes: number, isHolding: boolean) => Promise<boolean>;
    readonly change: (bytes: number) => void;
  }) {
    this.#take = room.take;
    this.#change = room.change;
  }

  /** Resolves when the run may read so many bytes more, with false if it may not. Then it is to give its lease back. */
  async reserve(bytes: number): Promise<boolean> {
    const missing = this.#bytes + bytes - RUN_BYTES_FREE - this.#counted;
    if (missing <= 0) return true;
    const isTaken = await this.#take(missing, this.#hasTaken);
    if (isTaken) {
      this.#counted += missing;
      this.#hasTaken = true;
    }
    if (this.#hasLeft) this.leave();
    return isTaken && !this.#hasLeft;
  }

  /** The run has so many bytes of this now. */
  has(part: "record" | "thread", bytes: number): void {
    if (this.#hasLeft) return;
    this.#parts[part] = bytes;
    this.#count(Math.max(0, this.#bytes - RUN_BYTES_FREE));
  }

  /** The run is held no longer. */
  leave(): void {
    this.#hasLeft = true;
    this.#count(0);
  }

  get #bytes(): number {
    return this.#parts.record + this.#parts.thread;
  }

  #count(bytes: number): void {
    const change = bytes - this.#counted;
    this.#counted = bytes;
    if (change !== 0) this.#change(change);
  }
}

/**
 * The memory that the steps of one gateway have for files that they show a model.
 *
 * 1. All of them have `FILE_BYTES_IN_HAND_MAX` bytes. A step takes room before it reads its files.
 * 2. Tenants share the room as they share places: one gets more only while it has less than `PLACES_PER_FREE_PLACE`
 *    times what would stay free. A tenant that has none gets what is free.
 * 3. Of a tenant's steps the one that waits longest goes first. No step waits for another one while it has room itself.
 */
import { PLACES_PER_FREE_PLACE } from "../ports/limits.ts";
import { FILE_BYTES_IN_HAND_MAX } from "./limits.ts";

interface Waiting {
  readonly tenantId: string;
  readonly bytes: number;
  readonly begin: () => void;
}

/** Gives the room back. A second call does nothing. */
export type LeaveFileRoom = () => void;

export class FileRoom {
  readonly #bytesMax: number;
  readonly #ofTenants = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #taken = 0;

  constructor(bytesMax = FILE_BYTES_IN_HAND_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that steps have. */
  get taken(): number {
    return this.#taken;
  }

  /** Resolves when the step may read so many bytes, with what gives the room back; with null when `signal` aborts. */
  async take(tenantId: string, bytes: number, signal: AbortSignal): Promise<LeaveFileRoom | null> {
    if (signal.aborted) return null;
    const isFirst = [...this.#waiting].every((waiting) => waiting.tenantId !== tenantId);
    if (isFirst && this.#fits(tenantId, bytes)) this.#change(tenantId, bytes);
    else if (!(await this.#wait(tenantId, bytes, signal))) return null;
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.#change(tenantId, -bytes);
      this.#admit();
    };
  }

  #wait(tenantId: string, bytes: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isLet: boolean): void => {
        signal.removeEventListener("abort", give);
        this.#waiting.delete(waiting);
        resolve(isLet);
      };
      const give = (): void => {
        end(false);
        this.#admit();
      };
      const waiting: Waiting = { tenantId, bytes, begin: () => end(true) };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", give, { once: true });
    });
  }

  /** 2. */
  #fits(tenantId: string, bytes: number): boolean {
    const free = this.#bytesMax - this.#taken - bytes;
    const held = this.#ofTenants.get(tenantId) ?? 0;
    return free >= 0 && (held === 0 || held + bytes <= PLACES_PER_FREE_PLACE * free);
  }

  /** 3. */
  #admit(): void {
    const mustWait = new Set<string>();
    for (const waiting of this.#waiting) {
      const { tenantId, bytes } = waiting;
      if (mustWait.has(tenantId) || !this.#fits(tenantId, bytes)) {
        mustWait.add(tenantId);
        continue;
      }
      this.#change(tenantId, bytes);
      waiting.begin();
    }
  }

  #change(tenantId: string, bytes: number): void {
    const held = (this.#ofTenants.get(tenantId) ?? 0) + bytes;
    if (held === 0) this.#ofTenants.delete(tenantId);
    else this.#ofTenants.set(tenantId, held);
    this.#taken += bytes;
  }
}

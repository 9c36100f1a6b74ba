import type { Clock } from "../ports/clock.ts";
import { LOOP_SHARES_REMEMBERED_MAX, LOOP_TURNS_WAITING_MAX, TENANT_ACTIVE_MS } from "./limits.ts";
import { charged, type LoopShare, NOTHING_TAKEN, waitMs } from "./loop-share.ts";

/**
 * Shares the event loop between the tenants of one gateway. It is for large work alone: bodies of a megabyte, streams
 * that come faster than they are read. All else is too small to be worth a turn.
 *
 * 1. One piece of work is done in a turn of the loop. Then whatever came in from outside is served.
 * 2. Tenants with work that waits go in turn, however much of it each has. The work of one goes in order.
 * 3. What a piece took is measured until it leaves the loop, with all that follows from it at once.
 * 4. While other tenants use the gateway, one that took more than its share waits. Alone it need not.
 * 5. Few turns of one tenant wait (R9): who can refuse asks `fullForMs` first.
 */
export class LoopTurns {
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  /** The work that waits, of each tenant that has some, in the order of their turns. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** Of those who took something. The one that took nothing for longest is the first. */
  readonly #shares = new Map<string, LoopShare>();
  #isScheduled = false;
  #cancelWake: (() => void) | null = null;
  #running: { readonly tenantId: string; readonly startedAt: number } | null = null;
  /** Who was seen last, and when another one was before. */
  #last = { tenantId: "", at: Number.NEGATIVE_INFINITY };
  #anotherAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "monotonic" | "after">) {
    this.#clock = clock;
  }

  /**
   * Resolves when work of this tenant may go on. What follows until the loop is left is charged to the tenant. So the
   * caller awaits it right before each piece of large work.
   */
  take(tenantId: string): Promise<void> {
    this.seen(tenantId);
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(tenantId);
      if (waiting === undefined) this.#waiting.set(tenantId, [resolve]);
      else waiting.push(resolve);
      this.#schedule();
    });
  }

  /** Charges what this tenant's work costs where nobody can measure it: in the kernel, the driver, the collector. */
  charge(tenantId: string, ms: number): void {
    const now = this.#clock.monotonic();
    const share = charged(this.#shareOf(tenantId), ms, now);
    this.#shares.delete(tenantId);
    this.#shares.set(tenantId, share);
    if (this.#shares.size <= LOOP_SHARES_REMEMBERED_MAX) return;
    const oldest = this.#shares.keys().next().value;
    if (oldest !== undefined) this.#shares.delete(oldest);
  }

  /** Notes that this tenant uses the gateway: nobody else has the loop alone. */
  seen(tenantId: string): void {
    const at = this.#clock.monotonic();
    if (this.#last.tenantId === tenantId) {
      this.#last.at = at;
    } else {
      this.#anotherAt = this.#last.at;
      this.#last = { tenantId, at };
    }
  }

  /** Whether this tenant took more than its share, so that even its next piece of work has to wait. */
  owes(tenantId: string): boolean {
    return this.#waitMs(tenantId, this.#clock.monotonic()) > 0;
  }

  /** After how many ms there may be room for one more of this tenant; null: there is room. */
  fullForMs(tenantId: string): number | null {
    if ((this.#waiting.get(tenantId)?.length ?? 0) < LOOP_TURNS_WAITING_MAX) return null; // 5.
    return waitMs(this.#shareOf(tenantId), this.#clock.monotonic());
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // 3. Both in one go: between them there is only what the work leads to before it leaves the loop.
    this.#clock.after(0, () => this.#begin());
    this.#clock.after(0, () => this.#end());
  }

  /** 1. */
  #begin(): void {
    const startedAt = this.#clock.monotonic();
    for (const [tenantId, waiting] of this.#waiting) {
      if (this.#waitMs(tenantId, startedAt) > 0) continue;
      const go = waiting.shift();
      this.#waiting.delete(tenantId);
      if (waiting.length > 0) this.#waiting.set(tenantId, waiting); // 2.
      this.#running = { tenantId, startedAt };
      return go?.();
    }
  }

  #end(): void {
    this.#isScheduled = false;
    const now = this.#clock.monotonic();
    if (this.#running !== null) this.charge(this.#running.tenantId, now - this.#running.startedAt);
    this.#running = null;
    const waits = [...this.#waiting.keys()].map((tenantId) => this.#waitMs(tenantId, now));
    if (waits.length === 0) return;
    const nextMs = Math.min(...waits);
    if (nextMs === 0) this.#schedule();
    else this.#wakeAfter(nextMs);
  }

  #shareOf(tenantId: string): LoopShare {
    return this.#shares.get(tenantId) ?? NOTHING_TAKEN;
  }

  /** 4. */
  #waitMs(tenantId: string, now: number): number {
    const othersAt = this.#last.tenantId === tenantId ? this.#anotherAt : this.#last.at;
    const aloneInMs = othersAt + TENANT_ACTIVE_MS - now;
    return aloneInMs <= 0 ? 0 : Math.min(aloneInMs, waitMs(this.#shareOf(tenantId), now));
  }

  #wakeAfter(ms: number): void {
    this.#cancelWake?.();
    this.#cancelWake = this.#clock.after(ms, () => {
      this.#cancelWake = null;
      this.#schedule();
    });
  }
}

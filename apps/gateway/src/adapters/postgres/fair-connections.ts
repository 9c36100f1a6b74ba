import { PLACES_PER_FREE_PLACE } from "../../ports/limits.ts";
import type { QueryScope } from "./statement.ts";

/** The work that waits of one tenant, or of the gateway, in the order in which it came. */
type Line = (() => void)[];

/** What work of the whole fleet is counted under. No tenant has this id. */
const FLEET = "";

/**
 * Shares the connections of one gateway between its tenants. A pool gives them out in the order of the requests. So all
 * statements that a busy tenant has sent would go before one of a quiet tenant.
 *
 * 1. At most `connectionsMax` pieces of work have a connection at once.
 * 2. A tenant has `PLACES_PER_FREE_PLACE` times as many connections as are free, at most. So one that comes finds some
 *    free. The gateway's own work is not bounded by this: leases and claims must go on.
 * 3. Of those that wait, the one goes next that has the fewest connections. Of equals the one goes that has waited
 *    longest for its next turn.
 * 4. The work of one tenant goes in its order.
 */
export class FairConnections {
  readonly #connectionsMax: number;
  readonly #held = new Map<string, number>();
  /** A tenant whose work goes moves to the end. */
  readonly #waiting = new Map<string, Line>();
  #taken = 0;

  constructor(connectionsMax: number) {
    this.#connectionsMax = connectionsMax;
  }

  /** Resolves with the function that gives the connection back. Call that function exactly once. */
  async take(scope: QueryScope): Promise<() => void> {
    const owner = scope.kind === "tenant" ? scope.tenantId : FLEET;
    if (this.#waiting.has(owner) || !this.#mayTake(owner)) {
      await new Promise<void>((resolve) => {
        const line = this.#waiting.get(owner);
        if (line === undefined) this.#waiting.set(owner, [resolve]);
        else line.push(resolve); // 4.
      });
    } else {
      this.#count(owner, 1);
    }
    return () => {
      this.#count(owner, -1);
      this.#serveWaiting();
    };
  }

  /** 1. 2. */
  #mayTake(owner: string): boolean {
    const free = this.#connectionsMax - this.#taken;
    if (free <= 0) return false;
    const held = this.#held.get(owner) ?? 0;
    return owner === FLEET || held < PLACES_PER_FREE_PLACE * free;
  }

  #serveWaiting(): void {
    for (;;) {
      const owner = this.#next();
      if (owner === null) return;
      const line = this.#waiting.get(owner);
      const go = line?.shift();
      this.#waiting.delete(owner);
      if (line !== undefined && line.length > 0) this.#waiting.set(owner, line);
      // Counted here: whatever asks before the waiting work goes on must not take its connection.
      this.#count(owner, 1);
      go?.();
    }
  }

  /** 3. Who waits and may take a connection now; null if nobody may. */
  #next(): string | null {
    let next: string | null = null;
    let fewest = Number.POSITIVE_INFINITY;
    for (const owner of this.#waiting.keys()) {
      const held = this.#held.get(owner) ?? 0;
      if (held >= fewest || !this.#mayTake(owner)) continue;
      next = owner;
      fewest = held;
    }
    return next;
  }

  #count(owner: string, change: 1 | -1): void {
    this.#taken += change;
    const held = (this.#held.get(owner) ?? 0) + change;
    if (held === 0) this.#held.delete(owner);
    else this.#held.set(owner, held);
  }
}

/**
 * Settles in the store what stalls of this gateway have cost: the run that stalled it is counted, the others are not.
 *
 * 1. While a gateway stalls, others may take its leases for lost, and count that. So the leases are renewed or returned
 *    first. After that no claim counts this stall any more, and what was counted can be forgiven.
 * 2. A statement whose answer was lost is repeated. A run's stalls are an absolute number, so none is counted twice. A
 *    bystander may then be forgiven one loss too many, which is no harm.
 * 3. A gateway that dies before it has settled leaves its runs counted, as every gateway that dies.
 */
import type { Clock } from "../ports/clock.ts";
import type { FleetStore, StallCosts } from "../ports/fleet-store.ts";
import type { Log } from "../ports/log.ts";
import { Recurring } from "../runtime/recurring.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import { STORE_RETRY } from "./limits.ts";

export class StallSettlement {
  readonly #store: Pick<FleetStore, "settleStalls">;
  readonly #keeper: Pick<LeaseKeeper, "settle">;
  readonly #settling: Recurring;
  /** At most one entry for each run held, and one for each lease of it. */
  readonly #stalled = new Map<string, StallCosts["stalled"][number]>();
  readonly #forgiven = new Map<string, StallCosts["forgiven"][number]>();

  constructor(params: {
    readonly store: Pick<FleetStore, "settleStalls">;
    readonly keeper: Pick<LeaseKeeper, "settle">;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    const { store, keeper, clock, log } = params;
    this.#store = store;
    this.#keeper = keeper;
    this.#settling = new Recurring({
      name: "settle stalls",
      tick: () => this.#settle(),
      retry: STORE_RETRY,
      clock,
      log,
    });
  }

  start(): void {
    this.#settling.start(null);
  }

  async stop(): Promise<void> {
    await this.#settling.stop();
  }

  /** Settles this as soon as the store answers. */
  add({ stalled, forgiven }: StallCosts): void {
    for (const run of stalled) this.#stalled.set(run.runId, run);
    for (const lease of forgiven) this.#forgiven.set(`${lease.runId}@${lease.epoch}`, lease);
    this.#settling.request();
  }

  async #settle(): Promise<null> {
    const stalled = [...this.#stalled.values()];
    const forgiven = [...this.#forgiven];
    if (stalled.length === 0 && forgiven.length === 0) return null;
    await this.#keeper.settle(); // 1.
    await this.#store.settleStalls({ stalled, forgiven: forgiven.map(([, lease]) => lease) }); // 2.
    for (const run of stalled) if (this.#stalled.get(run.runId) === run) this.#stalled.delete(run.runId);
    for (const [key] of forgiven) this.#forgiven.delete(key);
    return null;
  }
}

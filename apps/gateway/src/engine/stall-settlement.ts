/**
 * Settles in the store what stalls of this gateway have cost: the run that stalled it is counted, the others are not.
 *
 * 1. While a gateway stalls, others may take its leases for lost, or the gateway for dead, and count that. So first it
 *    sends a heartbeat, and its leases are renewed or returned. After that no claim counts this stall any more, and
 *    what was counted can be forgiven.
 * 2. A statement whose answer was lost is repeated. A run's stalls are an absolute number, so none is counted twice. A
 *    bystander may then be forgiven one loss too many, which is no harm.
 * 3. A gateway that dies before it has settled leaves its runs counted, as every gateway that dies.
 */
import type { Clock } from "../ports/clock.ts";
import type { FleetStore, StallCosts } from "../ports/fleet-store.ts";
import type { Log } from "../ports/log.ts";
import { Recurring } from "../runtime/recurring.ts";
import type { GatewayHeartbeat } from "./gateway-heartbeat.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import { STORE_RETRY } from "./limits.ts";

export class StallSettlement {
  readonly #store: Pick<FleetStore, "settleStalls">;
  readonly #keeper: Pick<LeaseKeeper, "settle">;
  readonly #heartbeat: Pick<GatewayHeartbeat, "beat">;
  readonly #onSettled: () => void;
  readonly #settling: Recurring;
  /** At most one entry for each run held, and one for each lease of it. */
  readonly #stalled = new Map<string, StallCosts["stalled"][number]>();
  readonly #forgiven = new Map<string, StallCosts["forgiven"][number]>();

  constructor(params: {
    readonly store: Pick<FleetStore, "settleStalls">;
    readonly keeper: Pick<LeaseKeeper, "settle">;
    readonly heartbeat: Pick<GatewayHeartbeat, "beat">;
    readonly clock: Clock;
    readonly log: Log;
    /** Called when nothing is left to settle. */
    readonly onSettled: () => void;
  }) {
    const { store, keeper, heartbeat, clock, log, onSettled } = params;
    this.#store = store;
    this.#heartbeat = heartbeat;
    this.#onSettled = onSettled;
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

  /** Whether something is left to settle. */
  get isSettling(): boolean {
    return this.#stalled.size > 0 || this.#forgiven.size > 0;
  }

  async #settle(): Promise<null> {
    const stalled = [...this.#stalled.values()];
    const forgiven = [...this.#forgiven];
    if (stalled.length === 0 && forgiven.length === 0) return null;
    await this.#heartbeat.beat(); // 1.
    await this.#keeper.settle();
    await this.#store.settleStalls({ stalled, forgiven: forgiven.map(([, lease]) => lease) }); // 2.
    for (const run of stalled) if (this.#stalled.get(run.runId) === run) this.#stalled.delete(run.runId);
    // The gateway may have stalled again meanwhile, with the same leases.
    for (const [key, lease] of forgiven) if (this.#forgiven.get(key) === lease) this.#forgiven.delete(key);
    if (!this.isSettling) this.#onSettled();
    return null;
  }
}

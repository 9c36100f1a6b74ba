/**
 * The engine of one gateway: claims runs that are due, and lets a holder advance each until its lease is gone.
 *
 * 1. A lease that a holder gave up is returned, so that its run is not taken for lost. After a bug it is left to end by
 *    itself: that counts as a recovery, so the run cannot spin.
 * 2. A ring that came too late for a holder was meant for the next one, so a claim follows.
 * 3. A gateway that stops claims nothing more, and says so at once, so that others take the work. Then steps finish or
 *    are handed over. Then leases, deltas and the heartbeat end, in this order.
 * 4. A run whose work keeps the event loop for so long that leases are in danger is counted, and no other run is. When
 *    its stalls are too many it loses its lease, and the next claim gives it up.
 */
import { isHopeless } from "../core/blame.ts";
import { RECOVERIES_MAX } from "../core/limits.ts";
import type { Ring } from "../ports/bell.ts";
import { GATEWAY_TIMEOUT_MS } from "../ports/limits.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { Recurring } from "../runtime/recurring.ts";
import { ClaimLoop } from "./claim-loop.ts";
import type { FreshClaim } from "./claim.ts";
import { DeltaBatcher } from "./delta-batcher.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { GatewayHeartbeat } from "./gateway-heartbeat.ts";
import { giveUpRun } from "./give-up-run.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { SWEEP_INTERVAL_MS, SWEEP_RETRY } from "./limits.ts";
import { type HoldEnd, RunHolder } from "./run-holder.ts";
import { StallSettlement } from "./stall-settlement.ts";
import { type Stall, StallWatch } from "./stall-watch.ts";
import { StoreContact } from "./store-contact.ts";

export class Engine {
  readonly #deps: EngineDeps;
  readonly #keeper: LeaseKeeper;
  readonly #heartbeat: GatewayHeartbeat;
  readonly #batcher: DeltaBatcher;
  readonly #claims: ClaimLoop;
  readonly #sweeps: Recurring;
  readonly #stallWatch: StallWatch;
  readonly #stalls: StallSettlement;
  readonly #holders = new Map<string, RunHolder>();
  /** Everything begun and not yet over, awaited at the stop. */
  readonly #tasks = new Set<Promise<void>>();
  #unlisten: (() => void) | null = null;
  #isStopping = false;
  /** When the last stall was over, by the monotonic clock. */
  #stalledUntil = Number.NEGATIVE_INFINITY;

  constructor(deps: EngineDeps) {
    const { clock, leaseDurationMs, isOnlyGateway, store, log, gatewayId } = deps;
    const contact = new StoreContact({ clock, leaseDurationMs, isOnlyGateway });
    this.#deps = deps;
    this.#stallWatch = new StallWatch({ clock, log, leaseDurationMs, onStall: (stall) => this.#stalled(stall) });
    const onTurn = (): void => this.#stallWatch.seen();
    this.#keeper = new LeaseKeeper({ gatewayId, leaseDurationMs, store, clock, contact, log, onTurn });
    this.#stalls = new StallSettlement({ store, keeper: this.#keeper, clock, log });
    const onDue = (runIds: readonly string[]): void => this.#ringFor(runIds);
    this.#heartbeat = new GatewayHeartbeat({ gatewayId, store, clock, contact, log, onDue });
    this.#batcher = new DeltaBatcher({ store, clock, log });
    this.#claims = new ClaimLoop({
      deps,
      contact,
      keeper: this.#keeper,
      load: () => ({ runs: this.#holders.size, lastChances: this.#lastChancesHeld }),
      onClaimed: (claim) => this.#begin(claim),
    });
    this.#sweeps = new Recurring({ name: "sweep", tick: () => this.#sweep(), retry: SWEEP_RETRY, clock, log });
  }

  /** How many runs this gateway holds now. */
  get runsHeld(): number {
    return this.#holders.size;
  }

  get #lastChancesHeld(): number {
    let count = 0;
    for (const holder of this.#holders.values()) if (holder.isOnLastChance) count += 1;
    return count;
  }

  start(): void {
    this.#unlisten = this.#deps.bell.listen((ring) => this.#heard(ring));
    this.#heartbeat.start();
    this.#keeper.start();
    this.#stallWatch.start();
    this.#stalls.start();
    this.#sweeps.start(0);
    this.#claims.start();
  }

  /**
   * Claims nothing more, lets steps finish for `drainMs`, hands the rest over, and resolves when nothing is under way
   * any more (3.).
   */
  async stop({ drainMs }: { readonly drainMs: number }): Promise<void> {
    const { clock } = this.#deps;
    this.#isStopping = true;
    this.#unlisten?.();
    await Promise.all([this.#claims.stop(), this.#sweeps.stop()]);
    await this.#heartbeat.announceStop();
    for (const holder of this.#holders.values()) holder.leave("when_idle");
    const cancelHandover = clock.after(drainMs, () => {
      for (const holder of this.#holders.values()) holder.leave("now");
    });
    await Promise.all(this.#tasks);
    cancelHandover();
    await Promise.all([this.#stallWatch.stop(), this.#stalls.stop()]);
    await this.#keeper.close();
    await this.#batcher.close();
    await this.#heartbeat.close();
  }

  #heard(ring: Ring): void {
    if (ring.about !== "run") return;
    const holder = this.#holders.get(ring.runId);
    if (holder === undefined) this.#claims.request();
    else holder.rang();
  }

  /** Mends what no event will. Gateways that started together shall not sweep together, so the interval is random. */
  async #sweep(): Promise<number> {
    const { store, clock } = this.#deps;
    this.#ringFor(await store.sweep({ gatewayTimeoutMs: GATEWAY_TIMEOUT_MS }));
    return SWEEP_INTERVAL_MS * (0.5 + clock.random());
  }

  /** These runs are due. Every gateway is told, this one too, so that they share the work. */
  #ringFor(runIds: readonly string[]): void {
    for (const runId of runIds) this.#deps.bell.ring({ about: "run", runId });
  }

  #begin(claim: FreshClaim): void {
    // The claim was under way in a stall. Its lease may have been lost before this gateway knew of it (4.).
    if (claim.sentAt < this.#stalledUntil) this.#stalls.add({ stalled: [], forgiven: [claim.claimed] });
    const task = (isHopeless(claim.claimed) ? this.#giveUp(claim) : this.#advance(claim)).finally(() =>
      this.#tasks.delete(task),
    );
    this.#tasks.add(task);
  }

  /** Lets a holder advance the run to its end. Never rejects. */
  async #advance(claim: FreshClaim): Promise<void> {
    const { log } = this.#deps;
    const { runId, epoch, recoveries } = claim.claimed;
    // An earlier holder of this run here hears that its lease is lost.
    const holder = new RunHolder({
      deps: this.#deps,
      keeper: this.#keeper,
      batcher: this.#batcher,
      stallWatch: this.#stallWatch,
      ...claim,
    });
    this.#holders.set(runId, holder);
    if (this.#isStopping) holder.leave("when_idle");
    let end: HoldEnd | null = null;
    try {
      end = await holder.hold();
      log.debug({ runId, epoch, end: end.kind }, "done with a run");
    } catch (error) {
      log.error({ err: error, runId, epoch }, "a run could not be advanced"); // 1.
    }
    this.#keeper.letGo(holder.lease);
    if (this.#holders.get(runId) === holder) this.#holders.delete(runId);
    if (end?.kind === "gave_up") this.#keeper.returnLater(holder.lease); // 1.
    if (end?.kind === "released" && end.wakeAt !== null) this.#dueAgain(runId, end.wakeAt - claim.now());
    // 2. And a slot is free now, or the place of a run on its last chance.
    if (holder.wasRung || this.#claims.isFull || recoveries === RECOVERIES_MAX) this.#claims.request();
    await holder.settle();
  }

  /**
   * The event loop did not go for a while. The run whose work that was is counted, and given up in the end; no other is
   * counted for it (4.).
   */
  #stalled({ claim, gapMs }: Stall): void {
    const { log } = this.#deps;
    const culprit = claim === null ? undefined : this.#holders.get(claim.runId);
    log.warn({ runId: culprit?.lease.runId, gapMs: Math.round(gapMs) }, "the event loop was kept from everything else");
    this.#stalledUntil = this.#deps.clock.monotonic();
    const others = [...this.#holders.values()].filter((holder) => holder !== culprit);
    const forgiven = others.map(({ lease: { runId, epoch } }) => ({ runId, epoch }));
    const stalled = culprit === undefined ? [] : [{ runId: culprit.lease.runId, stalls: culprit.stalledAgain() }];
    this.#stalls.add({ stalled, forgiven });
    if (culprit !== undefined && isHopeless({ recoveries: 0, stalls: culprit.stalls }))
      this.#keeper.drop(culprit.lease);
  }

  #dueAgain(runId: string, inMs: number): void {
    if (inMs <= 0) this.#ringFor([runId]);
    else this.#claims.request(inMs);
  }

  /** Never rejects. */
  async #giveUp({ claimed, now }: FreshClaim): Promise<void> {
    const { log } = this.#deps;
    const { runId } = claimed;
    try {
      await giveUpRun({ deps: this.#deps, batcher: this.#batcher, claimed, now });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) {
        log.error({ err: error, runId }, "a run could not be given up"); // 1.
        return;
      }
      log.warn({ err: error, runId }, "a run could not be given up: the store is away");
      this.#keeper.returnLater(claimed);
    }
  }
}

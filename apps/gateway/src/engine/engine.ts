/**
 * The engine of one gateway: claims runs that are due, and lets a holder advance each until its lease is gone.
 *
 * 1. A lease that a holder gave up is returned, so that its run is not taken for lost. After a bug it is left to end by
 *    itself: that counts as a recovery, so the run cannot spin. So it is if the store answers others, and never it.
 * 2. A ring that came too late for a holder was meant for the next one, so a claim follows.
 * 3. A gateway that stops claims nothing more, and says so at once, so that others take the work. Then steps finish or
 *    are handed over. Then leases, deltas and the heartbeat end, in this order.
 * 4. A run whose work keeps the event loop for so long that leases are in danger is counted, and no other run is. When
 *    its stalls are too many it loses its lease, and the next claim gives it up. Nothing is claimed until the others
 *    are forgiven, or a lease time is over: the same run could stall the gateway again before that.
 */
import type { Failure } from "@hsafa/protocol";
import { isHopeless } from "../core/blame.ts";
import { recoveryExhausted } from "../core/give-up.ts";
import { RECOVERIES_MAX } from "../core/limits.ts";
import { recordFull } from "../core/record-size.ts";
import type { Ring } from "../ports/bell.ts";
import type { ClaimedRun, HeartbeatAnswer } from "../ports/fleet-store.ts";
import { GATEWAY_TIMEOUT_MS } from "../ports/limits.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { Uptake } from "../ports/uptake.ts";
import { Recurring } from "../runtime/recurring.ts";
import { AnsweredRuns } from "./answered-runs.ts";
import { type ClaimCounts, ClaimLoop, type Load } from "./claim-loop.ts";
import type { Claim, FreshClaim } from "./claim.ts";
import { DeltaBatcher } from "./delta-batcher.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { GatewayHeartbeat } from "./gateway-heartbeat.ts";
import { giveUpRun } from "./give-up-run.ts";
import type { HoldEnd } from "./hold-end.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { SWEEP_INTERVAL_MS, SWEEP_RETRY } from "./limits.ts";
import { ParkedRuns } from "./parked-runs.ts";
import { removeExpiredFiles } from "./remove-expired-files.ts";
import { reprieve } from "./reprieve.ts";
import { RecordRoom } from "./record-room.ts";
import { RunHolder } from "./run-holder.ts";
import { RunUptake } from "./run-uptake.ts";
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
  readonly #recordRoom: RecordRoom;
  readonly #stalls: StallSettlement;
  readonly #answers: AnsweredRuns;
  readonly #uptake: RunUptake;
  /** What all holders have. */
  readonly #parts: ConstructorParameters<typeof RunUptake>[0]["parts"];
  readonly #parkedRuns = new ParkedRuns();
  readonly #holders = new Map<string, RunHolder>();
  /** Everything begun and not yet over, awaited at the stop. */
  readonly #tasks = new Set<Promise<unknown>>();
  #unlisten: (() => void) | null = null;
  /** Runs that are to be given up, and keep their places until then. Losing one of them counts for nothing. */
  readonly #condemned = new Set<ClaimedRun>();
  /** Aborts when the gateway begins to stop. */
  readonly #stopping = new AbortController();
  /** When the last stall was over, by the monotonic clock. */
  #stalledUntil = Number.NEGATIVE_INFINITY;

  constructor(deps: EngineDeps, recordRoom = new RecordRoom(deps)) {
    const { clock, leaseDurationMs, isOnlyGateway, store, log, gatewayId } = deps;
    const contact = new StoreContact({ clock, leaseDurationMs, isOnlyGateway });
    this.#answers = new AnsweredRuns(contact);
    this.#deps = deps;
    this.#recordRoom = recordRoom;
    this.#stallWatch = new StallWatch({ clock, log, leaseDurationMs, onStall: (stall) => this.#stalled(stall) });
    const onTurn = (): void => this.#stallWatch.seen();
    this.#keeper = new LeaseKeeper({ gatewayId, leaseDurationMs, store, clock, contact, log, onTurn });
    const onDue = (runIds: readonly string[]): void => this.#ringFor(runIds);
    const onAnswer = (answer: HeartbeatAnswer): void => {
      deps.generation.listen(answer);
      deps.revocations.heard(answer.lastRevocation);
    };
    this.#heartbeat = new GatewayHeartbeat({ gatewayId, store, clock, contact, log, onAnswer, onDue });
    this.#stalls = new StallSettlement({
      store,
      keeper: this.#keeper,
      heartbeat: this.#heartbeat,
      clock,
      log,
      onSettled: () => this.#claims.request(),
    });
    this.#batcher = new DeltaBatcher({ store, clock, log });
    this.#claims = new ClaimLoop({
      deps,
      contact,
      keeper: this.#keeper,
      answers: this.#answers,
      load: () => this.#load(),
      mayClaim: () => this.#mayClaim(),
      onClaimed: (claim) => this.#begin(claim),
    });
    this.#parts = {
      deps,
      keeper: this.#keeper,
      batcher: this.#batcher,
      answers: this.#answers,
      stallWatch: this.#stallWatch,
      recordRoom,
    };
    this.#uptake = new RunUptake({
      parts: this.#parts,
      parkedRuns: this.#parkedRuns,
      claims: this.#claims,
      load: () => this.#load(),
      mayClaim: () => this.#unlisten !== null && !this.#stopping.signal.aborted && this.#mayClaim(),
      onTaken: (claim, holder) => this.#begin(claim, holder),
      onTask: (task) => this.#keep(task),
    });
    this.#sweeps = new Recurring({ name: "sweep", tick: () => this.#sweep(), retry: SWEEP_RETRY, clock, log });
  }

  /** How many runs this gateway holds now. */
  get runsHeld(): number {
    return this.#holders.size;
  }

  /** Takes runs up that requests make due. */
  get uptake(): Uptake {
    return this.#uptake;
  }

  /** What it has claimed since its start. */
  get claimCounts(): ClaimCounts {
    return this.#claims.counts;
  }

  /** 4. */
  #mayClaim(): boolean {
    const { clock, leaseDurationMs } = this.#deps;
    return !this.#stalls.isSettling || clock.monotonic() > this.#stalledUntil + leaseDurationMs;
  }

  /** Of the runs that a holder advances. */
  get #leases(): Claim[] {
    return [...this.#holders.values()].map(({ lease }) => lease);
  }

  #load(): Load {
    const places = [...this.#leases, ...this.#condemned].map(({ tenantId }) => tenantId);
    places.push(...this.#uptake.tenants);
    const byTenant = new Map<string, number>();
    for (const tenantId of places) byTenant.set(tenantId, (byTenant.get(tenantId) ?? 0) + 1);
    let lastChances = 0;
    for (const { isOnLastChance } of this.#holders.values()) if (isOnLastChance) lastChances += 1;
    return { runs: places.length, byTenant, lastChances };
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
   * Takes the runs from their holders that the store has not got as the holders know them. What these say would be of a
   * history that is lost. Rejects with `StoreUnavailable`.
   */
  async dropLostRuns(): Promise<void> {
    this.#parkedRuns.clear();
    const holders = [...this.#holders.values()].map((holder) => ({ holder, seq: holder.committedSeq }));
    if (holders.length === 0) return;
    const tails = await this.#deps.store.readTails({ runIds: holders.map(({ holder }) => holder.lease.runId) });
    for (const { holder, seq } of holders) {
      if ((tails.get(holder.lease.runId) ?? 0) < seq) this.#keeper.drop(holder.lease);
    }
  }

  /**
   * Claims nothing more, lets steps finish for `drainMs`, hands the rest over, and resolves when nothing is under way
   * any more (3.).
   */
  async stop({ drainMs }: { readonly drainMs: number }): Promise<void> {
    const { clock } = this.#deps;
    this.#stopping.abort();
    this.#unlisten?.();
    await Promise.all([this.#claims.stop(), this.#sweeps.stop()]);
    this.#recordRoom.close();
    await this.#heartbeat.announceStop();
    for (const holder of this.#holders.values()) holder.leave("when_idle");
    const cancelHandover = clock.after(drainMs, () => {
      for (const holder of this.#holders.values()) holder.leave("now");
    });
    // A run that is born meanwhile adds a task.
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    cancelHandover();
    await Promise.all([this.#stallWatch.stop(), this.#stalls.stop()]);
    await this.#keeper.close();
    await this.#batcher.close();
    await this.#heartbeat.close();
  }

  #heard(ring: Ring): void {
    if (ring.about !== "run") return;
    const holder = this.#holders.get(ring.runId);
    if (holder !== undefined) holder.rang();
    else if (!this.#uptake.rang(ring.runId)) this.#claims.request();
  }

  /** Mends what no event will. Gateways that started together shall not sweep together, so the interval is random. */
  async #sweep(): Promise<number> {
    const { store, clock, files, log } = this.#deps;
    this.#ringFor(await store.sweep({ gatewayTimeoutMs: GATEWAY_TIMEOUT_MS }));
    await removeExpiredFiles({ store, files, log });
    return SWEEP_INTERVAL_MS * (0.5 + clock.random());
  }

  /** These runs are due. Every gateway is told, this one too, so that they share the work. */
  #ringFor(runIds: readonly string[]): void {
    for (const runId of runIds) this.#deps.bell.ring({ about: "run", runId });
  }

  /** `holder`: what the run came under; absent: it was claimed. */
  #begin(claim: FreshClaim, holder?: RunHolder): void {
    // The claim was under way in a stall. Its lease may have been lost before this gateway knew of it (4.).
    const isCondemned = isHopeless(claim.claimed);
    if (claim.sentAt < this.#stalledUntil && !isCondemned) this.#stalls.add({ stalled: [], forgiven: [claim.claimed] });
    this.#keep(isCondemned ? this.#mayGiveUp(claim) : this.#advance(claim, holder));
  }

  /** Awaits something at the stop. It never rejects. */
  #keep(begun: Promise<unknown>): void {
    const task = begun.finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  /** Lets a holder advance the run to its end. Never rejects. */
  async #advance(claim: FreshClaim, came?: RunHolder): Promise<void> {
    const { log } = this.#deps;
    const { tenantId, runId, epoch, recoveries } = claim.claimed;
    // An earlier holder of this run here hears that its lease is lost.
    const parked = this.#parkedRuns.take(claim.claimed);
    const holder = came ?? new RunHolder({ ...this.#parts, ...claim, parked });
    const other = this.#holders.get(runId);
    // One of a later epoch stays: the answer to this claim came after the answer to the next one.
    if (other === undefined || other.lease.epoch < epoch) this.#holders.set(runId, holder);
    if (this.#stopping.signal.aborted) holder.leave("when_idle");
    // Who started the run is answered before anything more of it is planned.
    if (holder.isBorn) await this.#laterTurn();
    let end: HoldEnd | null = null;
    try {
      end = await holder.hold();
      log.debug({ tenantId, runId, epoch, end: end.kind }, "done with a run");
    } catch (error) {
      log.error({ err: error, tenantId, runId, epoch }, "a run could not be advanced"); // 1.
    }
    this.#keeper.letGo(holder.lease);
    if (this.#holders.get(runId) === holder) this.#holders.delete(runId);
    if (end?.kind === "stuck") log.warn({ tenantId, runId, epoch }, "the store answers other runs, and never this one"); // 1.
    if (end?.kind === "gave_up") this.#keeper.returnLater(holder.lease); // 1.
    if (end?.kind === "released" && holder.parked !== null) this.#parkedRuns.keep(holder.parked);
    if (end?.kind === "released" && end.wakeAt !== null) this.#dueAgain(runId, end.wakeAt - claim.now());
    // 2. And a place is free now, or the place of a run on its last chance.
    if (holder.wasRung || this.#claims.isAnyRunLeft || recoveries === RECOVERIES_MAX) this.#claims.request();
    await holder.settle();
    if (end?.kind === "record_full") await this.#giveUp(claim, recordFull());
  }

  /**
   * The event loop did not go for a while. The run whose work that was is counted, and given up in the end; no other is
   * counted for it (4.).
   */
  #stalled({ claim, gapMs }: Stall): void {
    const { log } = this.#deps;
    const culprit = claim === null ? undefined : (this.#holders.get(claim.runId) ?? this.#uptake.holderOf(claim.runId));
    const about = { tenantId: culprit?.lease.tenantId, runId: culprit?.lease.runId, gapMs: Math.round(gapMs) };
    log.warn(about, "the event loop was kept from everything else");
    this.#stalledUntil = this.#deps.clock.monotonic();
    const others = [...this.#leases, ...this.#keeper.unreturned].filter(({ runId }) => runId !== culprit?.lease.runId);
    const forgiven = others.map(({ runId, epoch }) => ({ runId, epoch }));
    const stalled = culprit === undefined ? [] : [{ runId: culprit.lease.runId, stalls: culprit.stalledAgain() }];
    this.#stalls.add({ stalled, forgiven });
    if (culprit !== undefined && isHopeless({ recoveries: 0, stalls: culprit.stalls }))
      this.#keeper.drop(culprit.lease);
  }

  #laterTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.clock.after(0, resolve);
    });
  }

  #dueAgain(runId: string, inMs: number): void {
    if (inMs <= 0) this.#ringFor([runId]);
    else this.#claims.request(inMs);
  }

  /** Gives the run up, unless what it has lost is forgiven meanwhile. Never rejects. */
  async #mayGiveUp(claim: FreshClaim): Promise<void> {
    const deps = this.#deps;
    const { claimed } = claim;
    this.#condemned.add(claimed);
    await this.#orReturn(claim, async () => {
      // Stalls are counted for the run's own work alone, and are never forgiven.
      const end = isHopeless({ recoveries: 0, stalls: claimed.stalls })
        ? "hopeless"
        : await reprieve({ deps, keeper: this.#keeper, claim, stopping: this.#stopping.signal });
      if (end === "hopeless") await this.#giveUp(claim, recoveryExhausted(claimed));
      else if (end !== "lost") this.#keeper.returnLater(claimed);
    });
    this.#condemned.delete(claimed);
    if (this.#claims.isAnyRunLeft) this.#claims.request();
  }

  /** Never rejects. */
  async #giveUp(claim: FreshClaim, error: Failure): Promise<void> {
    const { claimed, now } = claim;
    await this.#orReturn(claim, () => giveUpRun({ deps: this.#deps, batcher: this.#batcher, claimed, error, now }));
  }

  /** Never rejects. While the store is away the lease is to be returned. */
  async #orReturn({ claimed }: FreshClaim, act: () => Promise<void>): Promise<void> {
    const { log } = this.#deps;
    const { tenantId, runId } = claimed;
    try {
      await act();
    } catch (failure) {
      if (!(failure instanceof StoreUnavailable)) {
        log.error({ err: failure, tenantId, runId }, "a run could not be given up"); // 1.
        return;
      }
      log.warn({ err: failure, tenantId, runId }, "a run could not be given up: the store is away");
      this.#keeper.returnLater(claimed);
    }
  }
}

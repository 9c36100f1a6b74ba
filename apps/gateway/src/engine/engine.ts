import {
  CLAIM_BATCH_MAX,
  CLAIM_PAUSE_MS,
  CLAIM_POLL_MS,
  CLAIM_REST_MAX_MS,
  LAST_CHANCES_MAX,
  RUNS_HELD_MAX,
  STORE_RETRY,
  SWEEP_INTERVAL_MS,
} from "./limits.ts";
import { GATEWAY_TIMEOUT_MS } from "../ports/limits.ts";
import { RECOVERIES_MAX } from "../core/limits.ts";
import type { Ring } from "../ports/bell.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { DeltaBatcher } from "./delta-batcher.ts";
import { giveUpRun } from "./give-up-run.ts";
import { type HoldEnd, RunHolder } from "./run-holder.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { EngineDeps, FreshClaim } from "./engine-deps.ts";
import { backoffMs } from "../core/backoff.ts";
import { GatewayHeartbeat } from "./gateway-heartbeat.ts";
import { StoreContact } from "./store-contact.ts";

/**
 * The engine of one gateway: claims runs that are due and lets a holder advance each. Its loop is a tick, repeated; a
 * ring only makes the next tick come sooner, so a lost one costs a poll.
 */
export class Engine {
  readonly #deps: EngineDeps;
  readonly #contact: StoreContact;
  readonly #keeper: LeaseKeeper;
  readonly #pulse: GatewayHeartbeat;
  readonly #batcher: DeltaBatcher;
  readonly #holders = new Map<string, RunHolder>();
  /** Everything begun and not yet over, awaited at the stop. */
  readonly #tasks = new Set<Promise<void>>();
  #loop: Promise<void> | null = null;
  #unlisten: (() => void) | null = null;
  #isStopping = false;
  /** The earliest time, by the monotonic clock, that somebody has asked for since the last tick began. */
  #lookAt = Number.POSITIVE_INFINITY;
  /** No ring brings a claim before this time, by the monotonic clock. */
  #restUntil = 0;
  #wake: (() => void) | null = null;
  /** Whether the last claim was cut down for want of free slots. */
  #isFull = false;
  #sweepDueAt = 0;
  #failures = 0;
  /** Claims sent so far. */
  #claims = 0;

  constructor(deps: EngineDeps) {
    const { clock, leaseDurationMs, isOnlyGateway, store, log, gatewayId } = deps;
    this.#deps = deps;
    this.#contact = new StoreContact({ clock, leaseDurationMs, isOnlyGateway });
    this.#keeper = new LeaseKeeper({ gatewayId, leaseDurationMs, store, clock, contact: this.#contact, log });
    this.#pulse = new GatewayHeartbeat({
      gatewayId,
      store,
      clock,
      contact: this.#contact,
      log,
      onDue: (runIds) => this.#wakeAll(runIds),
    });
    this.#batcher = new DeltaBatcher({ store, clock, log });
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
    this.#pulse.start();
    this.#keeper.start();
    this.#loop = this.#repeat();
  }

  /**
   * Claims nothing more, lets steps finish for `drainMs`, hands the rest over, and resolves when nothing is under way
   * any more.
   */
  async stop({ drainMs }: { readonly drainMs: number }): Promise<void> {
    const { clock } = this.#deps;
    this.#isStopping = true;
    this.#unlisten?.();
    this.#wake?.();
    await this.#loop;
    await this.#pulse.stopping();
    for (const holder of this.#holders.values()) holder.leave("when_idle");
    const handOver = clock.after(drainMs, () => {
      for (const holder of this.#holders.values()) holder.leave("now");
    });
    await Promise.all(this.#tasks);
    handOver();
    await this.#keeper.close();
    await this.#batcher.close();
    await this.#pulse.close();
  }

  /** One round of the loop; answers after how many ms the next one is due if nobody rings. */
  async tick(): Promise<number> {
    const { clock } = this.#deps;
    this.#lookAt = Number.POSITIVE_INFINITY;
    try {
      await this.#sweep();
      const pauseMs = await this.#claim();
      this.#failures = 0;
      return pauseMs;
    } catch (error) {
      this.#failures += 1;
      this.#report("claim runs", error);
      return backoffMs(this.#failures, STORE_RETRY, clock.random());
    }
  }

  async #repeat(): Promise<void> {
    const { clock } = this.#deps;
    while (!this.#isStopping) {
      const dueAt = (await this.tick()) + clock.monotonic();
      while (!this.#isStopping) {
        // While the store is away a ring cannot help, and many rings must not hurry the tries.
        const lookAt = this.#failures > 0 ? dueAt : Math.max(this.#restUntil, Math.min(dueAt, this.#lookAt));
        const delayMs = lookAt - clock.monotonic();
        if (delayMs <= 0) break;
        const { promise, resolve } = Promise.withResolvers<void>();
        const cancel = clock.after(Math.ceil(delayMs), resolve);
        this.#wake = resolve;
        await promise;
        this.#wake = null;
        cancel();
      }
    }
  }

  #heard(ring: Ring): void {
    if (ring.about !== "run") return;
    const holder = this.#holders.get(ring.runId);
    if (holder === undefined) this.#lookBy(0);
    else holder.rang();
  }

  /** Asks for a tick at this time, by the monotonic clock, or before. */
  #lookBy(at: number): void {
    if (at >= this.#lookAt) return;
    this.#lookAt = at;
    this.#wake?.();
  }

  async #sweep(): Promise<void> {
    const { clock, store } = this.#deps;
    if (clock.monotonic() < this.#sweepDueAt) return;
    this.#wakeAll(await store.sweep({ gatewayTimeoutMs: GATEWAY_TIMEOUT_MS }));
    // Gateways that started together should not sweep together.
    this.#sweepDueAt = clock.monotonic() + SWEEP_INTERVAL_MS * (0.5 + clock.random());
  }

  /** These are due: every gateway is told, this one too, so that they share the work. */
  #wakeAll(runIds: readonly string[]): void {
    for (const runId of runIds) this.#deps.bell.ring({ about: "run", runId });
  }

  async #claim(): Promise<number> {
    const { clock, store, gatewayId, leaseDurationMs } = this.#deps;
    // Often enough that a pause between two claims is no silence of the store (`StoreContact`).
    const pollMs = Math.min(CLAIM_POLL_MS, leaseDurationMs / 6);
    const limit = Math.min(CLAIM_BATCH_MAX, RUNS_HELD_MAX - this.#holders.size);
    this.#isFull = limit < CLAIM_BATCH_MAX;
    if (limit <= 0) return pollMs;
    const sentAt = clock.monotonic();
    const judgesUntil = this.#contact.judgesUntil();
    const claimNumber = (this.#claims += 1);
    // Of what is to be handed back nobody knows whether it is on its last chance.
    const lastChancesMax = this.#keeper.hasUnreturnedLeases ? 0 : LAST_CHANCES_MAX - this.#lastChancesHeld;
    const claim = await store
      .claimRuns({ gatewayId, claimNumber, leaseDurationMs, limit, judgesUntil, lastChancesMax })
      .catch((error: unknown) => {
        if (error instanceof StoreUnavailable) this.#keeper.returnClaim(claimNumber);
        throw error;
      });
    const answeredAt = clock.monotonic();
    this.#contact.answered();
    this.#contact.toldTime(claim.now);
    // Rings are for every gateway: one that finds nothing was rung for what others hold, and rests in proportion to
    // what its looking costs the store.
    const restMs = Math.min(CLAIM_REST_MAX_MS, Math.max(CLAIM_PAUSE_MS, 4 * (answeredAt - sentAt)));
    this.#restUntil = claim.runs.length > 0 ? 0 : answeredAt + restMs;
    const now = () => Math.floor(claim.now + clock.monotonic() - answeredAt);
    for (const claimed of claim.runs) this.#take({ claimed, sentAt, now });
    if (claim.runs.length >= limit) return this.#isFull ? pollMs : 0;
    // Something is due that this claim did not get: others are taking it, or its turn has not come.
    return Math.min(pollMs, Math.max(CLAIM_PAUSE_MS, claim.nextWakeInMs ?? pollMs));
  }

  #take(taken: FreshClaim): void {
    const isHopeless = taken.claimed.recoveries > RECOVERIES_MAX;
    const task = (isHopeless ? this.#giveUp(taken) : this.#advance(taken)).finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  /** Sees a holder through to its end; never rejects. */
  async #advance(taken: FreshClaim): Promise<void> {
    const { log, clock } = this.#deps;
    const { runId, epoch } = taken.claimed;
    // Taking it into care tells an earlier holder here that its lease was lost.
    const holder = new RunHolder({ deps: this.#deps, keeper: this.#keeper, batcher: this.#batcher, ...taken });
    this.#holders.set(runId, holder);
    if (this.#isStopping) holder.leave("when_idle");
    let end: HoldEnd | null = null;
    try {
      end = await holder.hold();
      log.debug({ runId, epoch, end: end.kind }, "done with a run");
    } catch (error) {
      // A bug. The lease is left to end by itself: the run is then claimed as lost, which is counted, so that it cannot
      // spin.
      log.error({ err: error, runId, epoch }, "a run could not be advanced");
    }
    this.#keeper.letGo(holder.lease);
    if (this.#holders.get(runId) === holder) this.#holders.delete(runId);
    if (end?.kind === "gave_up") this.#keeper.returnLater(holder.lease);
    if (end?.kind === "released" && end.wakeAt !== null) this.#dueAgain(runId, end.wakeAt - taken.now());
    // A ring that came too late for the holder was meant for whoever claims next; and a slot is free, or the place of a
    // run on its last chance.
    if (holder.wasRung || this.#isFull || taken.claimed.recoveries === RECOVERIES_MAX) this.#lookBy(clock.monotonic());
    await holder.settle();
  }

  #dueAgain(runId: string, inMs: number): void {
    const { bell, clock } = this.#deps;
    if (inMs <= 0) bell.ring({ about: "run", runId });
    else this.#lookBy(clock.monotonic() + inMs);
  }

  async #giveUp({ claimed, now }: FreshClaim): Promise<void> {
    try {
      await giveUpRun({ deps: this.#deps, batcher: this.#batcher, claimed, now });
    } catch (error) {
      this.#report("give up a run", error);
      if (error instanceof StoreUnavailable) this.#keeper.returnLater(claimed);
    }
  }

  #report(what: string, error: unknown): void {
    const { log } = this.#deps;
    if (error instanceof StoreUnavailable) log.warn({ err: error }, `the engine could not ${what}: the store is away`);
    else log.error({ err: error }, `the engine could not ${what}`);
  }
}

import { CLAIM_DOUBT_MS } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { Log } from "../ports/log.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { Claim } from "./engine-deps.ts";
import type { StoreContact } from "./store-contact.ts";

export interface LeaseKeeperParams {
  readonly gatewayId: string;
  readonly leaseDurationMs: number;
  readonly store: Pick<FleetStore, "renewLeases" | "releaseLeases" | "releaseClaims">;
  readonly clock: Clock;
  readonly contact: StoreContact;
  readonly log: Log;
}

/** What a holder hears about its lease. */
export interface LeaseListener {
  /**
   * `fenced`: the lease is no longer ours, or was handed back a moment ago by a commit whose answer is still on its
   * way; said at every beat until the lease is let go. `stale`: too long without a renewal to be sure; said once.
   */
  onLost(why: "fenced" | "stale"): void;
  /** How many inputs waited at the last renewal. */
  onInbox(count: number): void;
}

/** A lease as its holder sees it. */
export interface Lease extends Claim {
  /** Whether the holder may still publish and perform, by the monotonic clock. */
  isGood(): boolean;
}

interface HeldLease extends Lease {
  readonly listener: LeaseListener;
  /** By the monotonic clock. */
  goodUntil: number;
}

/**
 * Keeps the leases of all runs this gateway holds: one statement a beat, apart from the model path, so that no slow
 * model or tool costs a lease.
 *
 * 1. A lease is good for its duration less a sixth from when its last good renewal was SENT: before that time is over
 *    for Postgres, its holder stops.
 * 2. A lease that went stale is handed back as soon as the store answers, so that it does not count as a recovery. That
 *    waits neither for its holder, which may hang in a statement (what this does yet is refused without a lease), nor
 *    does any renewal wait for that.
 * 3. So is what a claim took whose answer was lost: the store says that this gateway has it, and nobody here does. Such
 *    a claim may also reach the store late, so it is asked for until that can no longer be.
 */
export class LeaseKeeper {
  readonly #params: LeaseKeeperParams;
  readonly #held = new Map<string, HeldLease>();
  /** Leases to hand back when the store answers: at most one a run held. */
  readonly #leasesToReturn = new Map<string, Claim>();
  /**
   * Claims whose answer was lost, and until when they are in doubt, by the monotonic clock. A claim is tried every
   * second or so while the store is away, and of those that are no longer in doubt only the last lease's are kept.
   */
  #unconfirmedClaims: { readonly claimNumber: number; readonly until: number }[] = [];
  #beating: Promise<void> = Promise.resolve();
  /** Calls off the next beat; null while one is under way. */
  #cancelBeat: (() => void) | null = null;
  /** The hand-back under way, and how to call off the next one. */
  #handingBack: Promise<void> | null = null;
  #cancelHandBack: (() => void) | null = null;
  #isHandBackFailing = false;
  #expiry: { readonly at: number; readonly cancel: () => void } | null = null;
  #closed = false;

  constructor(params: LeaseKeeperParams) {
    this.#params = params;
  }

  start(): void {
    this.#scheduleBeat(this.#beatMs);
  }

  /** Stops renewing and hands back what is still owed, if the store answers. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelBeat?.();
    this.#cancelHandBack?.();
    this.#expiry?.cancel();
    await Promise.all([this.#beating, this.#handingBack]);
    await this.#handBack().catch((error: unknown) => this.#report("handed back", error));
  }

  /**
   * Takes a claimed run into care. `sentAt`: when the claim was sent, by the monotonic clock. A run has one lease: an
   * earlier one is lost.
   */
  hold(params: { readonly claim: Claim; readonly sentAt: number; readonly listener: LeaseListener }): Lease {
    const { claim, sentAt, listener } = params;
    const { clock } = this.#params;
    const earlier = this.#held.get(claim.runId);
    const lease: HeldLease = {
      tenantId: claim.tenantId,
      runId: claim.runId,
      epoch: claim.epoch,
      listener,
      goodUntil: sentAt + this.#goodMs,
      isGood: () => clock.monotonic() < lease.goodUntil,
    };
    this.#held.set(lease.runId, lease);
    if (earlier !== undefined) lose(earlier, "fenced");
    if (this.#expiry === null || lease.goodUntil < this.#expiry.at) this.#watchExpiry();
    return lease;
  }

  /** The holder is done with it. */
  letGo(lease: Lease): void {
    if (this.#held.get(lease.runId) === lease) this.#held.delete(lease.runId);
  }

  /** Hands a lease back as soon as the store answers. */
  returnLater({ tenantId, runId, epoch }: Claim): void {
    this.#leasesToReturn.set(`${runId}@${epoch}`, { tenantId, runId, epoch });
    this.#handBackSoon();
  }

  /** The answer to this claim was lost: whatever it took, or takes yet, is handed back. */
  returnClaim(claimNumber: number): void {
    const { clock, leaseDurationMs } = this.#params;
    const now = clock.monotonic();
    // What older ones took has ended by time.
    this.#unconfirmedClaims = this.#unconfirmedClaims.filter(({ until }) => until > now - leaseDurationMs);
    this.#unconfirmedClaims.push({ claimNumber, until: now + CLAIM_DOUBT_MS });
    this.#handBackSoon();
  }

  /** Whether the store may say that this gateway holds runs of which nobody here knows, or no longer. */
  get hasUnreturnedLeases(): boolean {
    return this.#leasesToReturn.size > 0 || this.#unconfirmedClaims.length > 0;
  }

  /** One beat: renews, and tells each holder what it learnt. */
  async renew(): Promise<void> {
    const { gatewayId, leaseDurationMs, store, clock, contact } = this.#params;
    const leases = [...this.#held.values()];
    if (leases.length === 0) return;
    const sentAt = clock.monotonic();
    const runs = leases.map(({ runId, epoch }) => ({ runId, epoch }));
    const answers = await store.renewLeases({ gatewayId, leaseDurationMs, runs });
    contact.answered();
    const renewed = new Map(answers.map((answer) => [answer.runId, answer]));
    for (const lease of leases) {
      // Let go, or lost and claimed again, since the statement was sent.
      if (this.#held.get(lease.runId) !== lease) continue;
      const answer = renewed.get(lease.runId);
      if (answer?.epoch !== lease.epoch) {
        lease.listener.onLost("fenced");
        continue;
      }
      lease.goodUntil = sentAt + this.#goodMs;
      lease.listener.onInbox(answer.inbox);
    }
    this.#watchExpiry();
  }

  get #beatMs(): number {
    return this.#params.leaseDurationMs / 3;
  }

  /** After a failure. */
  get #retryMs(): number {
    return this.#beatMs / 4;
  }

  get #goodMs(): number {
    return (this.#params.leaseDurationMs * 5) / 6;
  }

  #scheduleBeat(delayMs: number): void {
    if (this.#closed) return;
    this.#cancelBeat = this.#params.clock.after(delayMs, () => {
      this.#cancelBeat = null;
      this.#beating = this.#beatAndGoOn();
    });
  }

  async #beatAndGoOn(): Promise<void> {
    const { clock } = this.#params;
    const startedAt = clock.monotonic();
    try {
      await this.renew();
      // The beat is counted from when it began: a slow answer must not stretch the time between two renewals.
      this.#scheduleBeat(Math.max(0, this.#beatMs - (clock.monotonic() - startedAt)));
    } catch (error) {
      this.#report("renewed", error);
      this.#scheduleBeat(this.#retryMs);
    }
  }

  /** One that is under way goes on by itself; and while the store is away there is no hurry. */
  #handBackSoon(): void {
    if (this.#handingBack === null && !this.#isHandBackFailing) this.#scheduleHandBack(0);
  }

  #scheduleHandBack(delayMs: number): void {
    if (this.#closed) return;
    this.#cancelHandBack?.();
    this.#cancelHandBack = this.#params.clock.after(delayMs, () => {
      this.#cancelHandBack = null;
      this.#handingBack = this.#handBackAndGoOn();
    });
  }

  async #handBackAndGoOn(): Promise<void> {
    let nextInMs: number | null = null;
    try {
      await this.#handBack();
      this.#isHandBackFailing = false;
      if (this.#unconfirmedClaims.length > 0) nextInMs = this.#beatMs;
      if (this.#leasesToReturn.size > 0) nextInMs = 0;
    } catch (error) {
      this.#isHandBackFailing = true;
      this.#report("handed back", error);
      nextInMs = this.#retryMs;
    }
    this.#handingBack = null;
    if (nextInMs !== null) this.#scheduleHandBack(nextInMs);
  }

  async #handBack(): Promise<void> {
    const { gatewayId, leaseDurationMs, store, clock, contact } = this.#params;
    // What is given up meanwhile is owed still.
    const owed = [...this.#leasesToReturn];
    const runs = owed.map(([, { runId, epoch }]) => ({ runId, epoch }));
    if (runs.length > 0) {
      await store.releaseLeases({ runs });
      contact.answered();
      for (const [key] of owed) this.#leasesToReturn.delete(key);
    }
    if (this.#unconfirmedClaims.length === 0) return;
    const sentAt = clock.monotonic();
    const claimNumbers = this.#unconfirmedClaims.map(({ claimNumber }) => claimNumber);
    await store.releaseClaims({ gatewayId, leaseDurationMs, claimNumbers });
    contact.answered();
    this.#unconfirmedClaims = this.#unconfirmedClaims.filter(({ until }) => until > sentAt);
  }

  /** Sets one timer for the lease that goes stale first. */
  #watchExpiry(): void {
    if (this.#closed) return;
    let first = Number.POSITIVE_INFINITY;
    for (const lease of this.#held.values()) first = Math.min(first, lease.goodUntil);
    if (this.#expiry?.at === first) return;
    this.#expiry?.cancel();
    this.#expiry = null;
    if (first === Number.POSITIVE_INFINITY) return;
    const { clock } = this.#params;
    const cancel = clock.after(Math.max(0, first - clock.monotonic()), () => {
      this.#expiry = null;
      for (const lease of this.#held.values()) {
        if (lease.isGood()) continue;
        lose(lease, "stale");
        this.#held.delete(lease.runId);
        this.returnLater(lease);
      }
      this.#watchExpiry();
    });
    this.#expiry = { at: first, cancel };
  }

  #report(what: "renewed" | "handed back", error: unknown): void {
    const { log } = this.#params;
    if (error instanceof StoreUnavailable) log.warn({ err: error }, `leases could not be ${what}: the store is away`);
    else log.error({ err: error }, `leases could not be ${what}`);
  }
}

function lose(lease: HeldLease, why: "fenced" | "stale"): void {
  lease.goodUntil = Number.NEGATIVE_INFINITY;
  lease.listener.onLost(why);
}

/**
 * Keeps the leases of all runs that this gateway holds. It works apart from the model path, so that no slow model or
 * tool costs a lease.
 *
 * 1. A lease is good for its duration less a sixth from when its last good renewal was SENT. Its holder stops before
 *    that time is over for Postgres.
 * 2. The interval of renewals is counted from when one began: a slow answer does not stretch it. One statement renews
 *    all leases.
 * 3. A lease that went stale is returned as soon as the store answers, so that it does not count as a recovery. This
 *    does not wait for its holder, which may hang in a statement: what the holder still sends is refused. Nor does it
 *    wait for the return of a claim, which may hang as well. No renewal waits for a return.
 * 4. So is what a claim took whose answer was lost: the store says that this gateway has it, and nobody here does. Such
 *    a claim may also reach the store late, so it is returned again and again until it can no longer be on its way.
 * 5. Of two leases of one run the later epoch counts, whichever answer comes first.
 */
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { Log } from "../ports/log.ts";
import { Recurring } from "../runtime/recurring.ts";
import type { Claim } from "./claim.ts";
import { CLAIM_IN_FLIGHT_MAX_MS } from "./limits.ts";
import type { StoreContact } from "./store-contact.ts";

export interface LeaseKeeperParams {
  readonly gatewayId: string;
  readonly leaseDurationMs: number;
  readonly store: Pick<FleetStore, "renewLeases" | "releaseLeases" | "releaseClaims">;
  readonly clock: Clock;
  readonly contact: StoreContact;
  readonly log: Log;
  /** Called when the event loop goes, before any lease is dropped. */
  readonly onTurn: () => void;
}

/** What a holder is told of its lease. */
export interface LeaseListener {
  /**
   * `fenced`: the lease is no longer ours, or a commit returned it a moment ago and its answer is still on the way.
   * Repeated at every renewal until the lease is let go. `stale`: too long without a renewal to be sure. Told once.
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

/** A lease as its keeper has it. */
export interface KeptLease extends Lease {
  readonly listener: LeaseListener;
  /** By the monotonic clock. */
  goodUntil: number;
}

export class LeaseKeeper {
  readonly #params: LeaseKeeperParams;
  readonly #held = new Map<string, KeptLease>();
  /** Leases to return when the store answers: at most one for each run held. */
  readonly #leasesToReturn = new Map<string, Claim>();
  /**
   * Claims whose answer was lost, and until when each may be on its way, by the monotonic clock. While the store is
   * away a claim is tried about once a second. Of those that can no longer arrive only the last lease's are kept.
   */
  #unconfirmedClaims: { readonly claimNumber: number; readonly until: number }[] = [];
  readonly #renewals: Recurring;
  readonly #leaseReturns: Recurring;
  readonly #claimReturns: Recurring;
  /** Looks for stale leases when the first one is due to go stale. */
  readonly #expiries: Recurring;

  constructor(params: LeaseKeeperParams) {
    const { leaseDurationMs, clock, log } = params;
    this.#params = params;
    const retryMs = leaseDurationMs / 12;
    const retry = { minMs: retryMs, maxMs: retryMs };
    this.#renewals = new Recurring({ name: "renew leases", tick: () => this.#renewInTime(), retry, clock, log });
    this.#leaseReturns = new Recurring({ name: "return leases", tick: () => this.#returnLeases(), retry, clock, log });
    this.#claimReturns = new Recurring({ name: "return claims", tick: () => this.#returnClaims(), retry, clock, log });
    this.#expiries = new Recurring({ name: "drop leases", tick: async () => this.#dropStale(), retry, clock, log });
  }

  start(): void {
    this.#renewals.start(this.#renewalIntervalMs);
    this.#leaseReturns.start(null);
    this.#claimReturns.start(null);
    this.#expiries.start(null);
  }

  /** Stops renewing, and returns what there is to return if the store answers. */
  async close(): Promise<void> {
    const loops = [this.#renewals, this.#leaseReturns, this.#claimReturns, this.#expiries];
    await Promise.all(loops.map((loop) => loop.stop()));
    await Promise.all([this.#leaseReturns.runNow(), this.#claimReturns.runNow()]);
  }

  /**
   * Makes the lease of a run that is claimed, or is about to be. `sentAt`: when the claim was sent, by the monotonic
   * clock.
   */
  expect(params: { readonly claim: Claim; readonly sentAt: number; readonly listener: LeaseListener }): KeptLease {
    const { claim, sentAt, listener } = params;
    const { clock } = this.#params;
    const lease: KeptLease = {
      tenantId: claim.tenantId,
      runId: claim.runId,
      epoch: claim.epoch,
      listener,
      goodUntil: sentAt + this.#goodMs, // 1.
      isGood: () => clock.monotonic() < lease.goodUntil,
    };
    return lease;
  }

  /** Keeps the lease of a run that is claimed from now on. A run has one lease, so that of an earlier epoch is lost. */
  keep(lease: KeptLease): void {
    const other = this.#held.get(lease.runId);
    if (other !== undefined && other.epoch > lease.epoch) return lose(lease, "fenced"); // 5.
    this.#held.set(lease.runId, lease);
    if (other !== undefined) lose(other, "fenced");
    this.#expiries.request(lease.goodUntil - this.#params.clock.monotonic());
  }

  /** Keeps the lease of a claimed run from now on. */
  hold(params: Parameters<LeaseKeeper["expect"]>[0]): Lease {
    const lease = this.expect(params);
    this.keep(lease);
    return lease;
  }

  /** The holder is done with it. */
  letGo(lease: Lease): void {
    if (this.#held.get(lease.runId) === lease) this.#held.delete(lease.runId);
  }

  /** Takes a lease from its holder, and returns it. */
  drop(lease: Lease): void {
    const held = this.#held.get(lease.runId);
    if (held !== lease) return;
    this.#held.delete(lease.runId);
    lose(held, "stale");
    this.returnLater(lease);
  }

  /** Renews or returns every lease that the store may still take for ours. Rejects if the store is away. */
  async settle(): Promise<void> {
    this.#dropStale();
    await this.renew();
    await this.#returnLeases();
  }

  /** Returns a lease as soon as the store answers. */
  returnLater({ tenantId, runId, epoch }: Claim): void {
    this.#leasesToReturn.set(`${runId}@${epoch}`, { tenantId, runId, epoch });
    this.#leaseReturns.request();
  }

  /** The answer to this claim was lost: whatever it took, or takes yet, is returned (4.). */
  returnClaim(claimNumber: number): void {
    const { clock, leaseDurationMs } = this.#params;
    const now = clock.monotonic();
    // What older claims took has ended by time.
    this.#unconfirmedClaims = this.#unconfirmedClaims.filter(({ until }) => until > now - leaseDurationMs);
    this.#unconfirmedClaims.push({ claimNumber, until: now + CLAIM_IN_FLIGHT_MAX_MS });
    this.#claimReturns.request();
  }

  /** Leases that are about to be returned. Until they are, another gateway may take them, and count them as lost. */
  get unreturned(): readonly Claim[] {
    return [...this.#leasesToReturn.values()];
  }

  /** Whether this gateway may have leases, by what the store says, that no holder here has. */
  get hasUnreturnedLeases(): boolean {
    return this.#leasesToReturn.size > 0 || this.#unconfirmedClaims.length > 0;
  }

  /** Renews all leases once, and tells each holder what became of its own. */
  async renew(): Promise<void> {
    const { gatewayId, leaseDurationMs, store, clock, contact } = this.#params;
    const leases = [...this.#held.values()];
    if (leases.length === 0) return;
    const sentAt = clock.monotonic();
    const runs = leases.map(({ runId, epoch }) => ({ runId, epoch }));
    const answers = await contact.hear(store.renewLeases({ gatewayId, leaseDurationMs, runs }));
    const renewed = new Map(answers.map((answer) => [answer.runId, answer]));
    for (const lease of leases) {
      // It was let go, or lost and claimed again, since the statement was sent.
      if (this.#held.get(lease.runId) !== lease) continue;
      const answer = renewed.get(lease.runId);
      if (answer?.epoch !== lease.epoch) {
        lease.listener.onLost("fenced");
        continue;
      }
      lease.goodUntil = sentAt + this.#goodMs; // 1.
      lease.listener.onInbox(answer.inbox);
    }
  }

  get #renewalIntervalMs(): number {
    return this.#params.leaseDurationMs / 3;
  }

  get #goodMs(): number {
    return (this.#params.leaseDurationMs * 5) / 6;
  }

  async #renewInTime(): Promise<number> {
    const { clock } = this.#params;
    const startedAt = clock.monotonic();
    await this.renew();
    return Math.max(0, this.#renewalIntervalMs - (clock.monotonic() - startedAt)); // 2.
  }

  /** 3. */
  async #returnLeases(): Promise<null> {
    const { store, contact } = this.#params;
    // Leases that are added meanwhile request a tick of their own.
    const returned = [...this.#leasesToReturn];
    if (returned.length === 0) return null;
    const runs = returned.map(([, { runId, epoch }]) => ({ runId, epoch }));
    await contact.hear(store.releaseLeases({ runs }));
    for (const [key] of returned) this.#leasesToReturn.delete(key);
    return null;
  }

  /** 4. */
  async #returnClaims(): Promise<number | null> {
    const { gatewayId, leaseDurationMs, store, clock, contact } = this.#params;
    if (this.#unconfirmedClaims.length === 0) return null;
    const sentAt = clock.monotonic();
    const claimNumbers = this.#unconfirmedClaims.map(({ claimNumber }) => claimNumber);
    await contact.hear(store.releaseClaims({ gatewayId, leaseDurationMs, claimNumbers }));
    this.#unconfirmedClaims = this.#unconfirmedClaims.filter(({ until }) => until > sentAt);
    return this.#unconfirmedClaims.length === 0 ? null : this.#renewalIntervalMs;
  }

  /** Drops what went stale (1. and 3.). Returns when the next lease would, in ms. */
  #dropStale(): number | null {
    const { clock, onTurn } = this.#params;
    onTurn();
    let first = Number.POSITIVE_INFINITY;
    for (const lease of this.#held.values()) {
      if (lease.isGood()) {
        first = Math.min(first, lease.goodUntil);
        continue;
      }
      lose(lease, "stale");
      this.#held.delete(lease.runId);
      this.returnLater(lease);
    }
    return first === Number.POSITIVE_INFINITY ? null : first - clock.monotonic();
  }
}

function lose(lease: KeptLease, why: "fenced" | "stale"): void {
  lease.goodUntil = Number.NEGATIVE_INFINITY;
  lease.listener.onLost(why);
}

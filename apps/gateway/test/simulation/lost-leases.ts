import type { Scheduler } from "./scheduler.ts";

/** Why a gateway lost its leases: a fault, a run that kills every gateway that claims it, or a run that stalls it. */
export type LossCause = "fault" | "poison" | "stall";

/** A lease that was lost. */
export interface Loss {
  readonly cause: LossCause;
  readonly gatewayId: string;
}

/**
 * After a fault is over, leases may still end, and a gateway must look for them. That takes a lease and this long at
 * most, in virtual ms.
 */
const AFTERMATH_MS = 1500;

/**
 * Knows which gateways may have lost their leases, why and until when. A gateway to which nothing happened loses none
 * that counts, nor does one that was without the store like all others.
 */
export class LostLeases {
  readonly #scheduler: Scheduler;
  readonly #leaseDurationMs: number;
  readonly #hinderedUntil = new Map<string, number>();
  readonly #stalledUntil = new Map<string, number>();
  readonly #dead = new Set<string>();
  readonly #poisoned = new Set<string>();
  #everybodyUntil = 0;
  #stallsEndAt = Number.NEGATIVE_INFINITY;

  constructor(scheduler: Scheduler, leaseDurationMs: number) {
    this.#scheduler = scheduler;
    this.#leaseDurationMs = leaseDurationMs;
  }

  /** This gateway died. */
  died(gatewayId: string): void {
    this.#dead.add(gatewayId);
  }

  /** This gateway died of a run that it claimed. */
  poisoned(gatewayId: string): void {
    this.#poisoned.add(gatewayId);
  }

  /** A fault keeps this gateway from its leases for so long, in virtual ms. */
  hindered(gatewayId: string, forMs: number): void {
    this.#hinderedUntil.set(gatewayId, Math.max(this.#hinderedUntil.get(gatewayId) ?? 0, this.#overAt(forMs)));
  }

  /** A run keeps the event loop of this gateway for so long, in virtual ms. */
  stalled(gatewayId: string, forMs: number): void {
    this.#stallsEndAt = Math.max(this.#stallsEndAt, this.#scheduler.time + forMs);
    this.#stalledUntil.set(gatewayId, Math.max(this.#stalledUntil.get(gatewayId) ?? 0, this.#overAt(forMs)));
  }

  /** Whether a run has kept the event loop of any gateway within this time, in virtual ms. */
  hasStalledWithin(ms: number): boolean {
    return this.#scheduler.time - ms < this.#stallsEndAt;
  }

  hasDied(gatewayId: string): boolean {
    return this.#dead.has(gatewayId);
  }

  everybodyHindered(forMs: number): void {
    this.#everybodyUntil = Math.max(this.#everybodyUntil, this.#overAt(forMs));
  }

  /** Why a lease of this gateway may be lost now; null: there is no reason. A hindrance counts before a later death. */
  causeOf(gatewayId: string): LossCause | null {
    const hinderedUntil = Math.max(this.#hinderedUntil.get(gatewayId) ?? 0, this.#everybodyUntil);
    if (this.#scheduler.time <= hinderedUntil) return "fault";
    if (this.#poisoned.has(gatewayId)) return "poison";
    if (this.#scheduler.time <= (this.#stalledUntil.get(gatewayId) ?? 0)) return "stall";
    return this.#dead.has(gatewayId) ? "fault" : null;
  }

  #overAt(forMs: number): number {
    return this.#scheduler.time + forMs + this.#leaseDurationMs + AFTERMATH_MS;
  }
}

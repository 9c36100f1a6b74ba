import type { Scheduler } from "./scheduler.ts";

/** What cost a gateway its leases: a fault, or a run that kills whoever takes it up. */
export type LossCause = "fault" | "poison";

/**
 * After a fault is over its leases may still end, and somebody must look: at most so long, in virtual ms, and a lease.
 */
const AFTERMATH_MS = 1500;

/**
 * Which gateways may have lost their leases, why and until when: a gateway that nothing happened to, or that was only
 * without its store like everybody else, loses none that counts.
 */
export class LostLeases {
  readonly #scheduler: Scheduler;
  readonly #leaseDurationMs: number;
  readonly #hinderedUntil = new Map<string, number>();
  readonly #dead = new Set<string>();
  readonly #poisoned = new Set<string>();
  #everybodyUntil = 0;

  constructor(scheduler: Scheduler, leaseDurationMs: number) {
    this.#scheduler = scheduler;
    this.#leaseDurationMs = leaseDurationMs;
  }

  /** It died. */
  died(gatewayId: string): void {
    this.#dead.add(gatewayId);
  }

  /** It died of the run that it took up. */
  poisoned(gatewayId: string): void {
    this.#poisoned.add(gatewayId);
  }

  /** Something keeps it from its leases for so long, in virtual ms. */
  hindered(gatewayId: string, forMs: number): void {
    this.#hinderedUntil.set(gatewayId, Math.max(this.#hinderedUntil.get(gatewayId) ?? 0, this.#overAt(forMs)));
  }

  everybodyHindered(forMs: number): void {
    this.#everybodyUntil = Math.max(this.#everybodyUntil, this.#overAt(forMs));
  }

  /**
   * Why a lease of this gateway may be lost now; null: for no reason at all. Where a hindrance may have cost it, a
   * death that came after need not have.
   */
  causeOf(gatewayId: string): LossCause | null {
    const hinderedUntil = Math.max(this.#hinderedUntil.get(gatewayId) ?? 0, this.#everybodyUntil);
    if (this.#scheduler.time <= hinderedUntil) return "fault";
    if (this.#poisoned.has(gatewayId)) return "poison";
    return this.#dead.has(gatewayId) ? "fault" : null;
  }

  #overAt(forMs: number): number {
    return this.#scheduler.time + forMs + this.#leaseDurationMs + AFTERMATH_MS;
  }
}

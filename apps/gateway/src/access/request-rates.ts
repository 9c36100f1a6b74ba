import type { Clock } from "../ports/clock.ts";
import { RateLimits } from "../runtime/rate-limits.ts";
import type { Rate } from "../runtime/token-bucket.ts";
import { ASKERS_REMEMBERED_MAX, RATE_BURST_S } from "./limits.ts";
import type { Principal } from "./principal.ts";
import { principalKey } from "./principal-key.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** How many requests each may make a second, on one gateway. */
export interface RequestRatesSettings {
  readonly tenantPerSecond: number;
  readonly principalPerSecond: number;
  /** Without a credential that is valid, from one address. */
  readonly addressPerSecond: number;
}

/**
 * Counts requests against the rates of those who make them.
 *
 * 1. Before a credential is known to be valid, the address counts. Afterwards the principal and its tenant count, and
 *    the address does not: others behind the same address take nothing from them.
 * 2. A request that its principal may not make takes nothing of its tenant.
 */
export class RequestRates {
  readonly #tenants: RateLimits;
  readonly #principals: RateLimits;
  readonly #addresses: RateLimits;

  constructor(settings: RequestRatesSettings, clock: Pick<Clock, "monotonic">) {
    const limits = (perSecond: number): RateLimits =>
      new RateLimits({ rate: rateOf(perSecond), keysMax: ASKERS_REMEMBERED_MAX, clock });
    this.#tenants = limits(settings.tenantPerSecond);
    this.#principals = limits(settings.principalPerSecond);
    this.#addresses = limits(settings.addressPerSecond);
  }

  /** Counts a request of this principal. Returns the refusal if there were too many, else null. */
  countPrincipal(principal: Principal): Refusal | null {
    const own = this.#principals.take(principalKey(principal));
    if (own.kind === "refused") return tooMany("with this key or token", own.retryAfterMs); // 2.
    const tenant = this.#tenants.take(principal.tenantId);
    return tenant.kind === "taken" ? null : tooMany("of this tenant", tenant.retryAfterMs);
  }

  /** Counts a request from this address without a valid credential. Returns the refusal if there were too many. */
  countStranger(address: string): Refusal | null {
    const taken = this.#addresses.take(address);
    return taken.kind === "taken" ? null : tooMany("without a valid credential from this address", taken.retryAfterMs);
  }
}

/** A client may spend at once what it would have in some seconds: programs work in bursts. */
function rateOf(perSecond: number): Rate {
  return { perSecond, burst: perSecond * RATE_BURST_S };
}

function tooMany(whose: string, retryAfterMs: number): Refusal {
  return { ...refuse("too_many_requests", `Too many requests ${whose}; wait as Retry-After says.`), retryAfterMs };
}

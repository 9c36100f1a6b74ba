import type { Principal } from "./principal.ts";
import { principalKey } from "./principal-key.ts";
import { PLACES_PER_FREE_PLACE } from "../ports/limits.ts";
import { PLACES_RETRY_MS } from "./limits.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** Who holds how many places of one kind. */
export interface PlaceCounts {
  readonly placesMax: number;
  readonly taken: number;
  readonly ofTenant: number;
  readonly ofPrincipal: number;
}

/** Why there is no place: all are taken, or the tenant or the principal has its share. */
export type PlaceLack = "all" | "tenant" | "principal";

/**
 * Says why a principal gets no further place, or null. A tenant may have `PLACES_PER_FREE_PLACE` times as many places
 * as are free. A principal may have that many times as many as its tenant could still take.
 *
 * So nobody who has some takes the last ones. Alone on a gateway, a tenant gets three quarters of all places, and one
 * principal of it nine sixteenths. The more others have, the less remains for each.
 */
export function placeLack({ placesMax, taken, ofTenant, ofPrincipal }: PlaceCounts): PlaceLack | null {
  const free = placesMax - taken;
  if (free <= 0) return "all";
  const beyond = PLACES_PER_FREE_PLACE * free - ofTenant;
  if (beyond <= 0) return "tenant";
  // Each place that the tenant takes lowers what is free, and with it its own bound.
  const leftToTenant = Math.ceil(beyond / (PLACES_PER_FREE_PLACE + 1));
  return ofPrincipal >= PLACES_PER_FREE_PLACE * leftToTenant ? "principal" : null;
}

/** Gives a place back. A second call does nothing. */
export type LeavePlace = () => void;

/** Takes a place of one connection for its principal. Returns the refusal if there is none for it. */
export type TakePlace = (principal: Principal) => Refusal | null;

export type PlaceTaken = { readonly kind: "taken"; readonly leave: LeavePlace } | Refusal;

/**
 * The places of one kind on one gateway: sockets, watchers, connections. Each belongs to a principal and its tenant,
 * and `placeLack` shares them out. Its counts are kept for those alone who have a place.
 */
export class Places {
  readonly #placesMax: number;
  readonly #what: string;
  readonly #tenants = new Map<string, number>();
  readonly #principals = new Map<string, number>();
  #taken = 0;

  /** `what`: what has a place, for refusals: "devices". */
  constructor(params: { readonly placesMax: number; readonly what: string }) {
    this.#placesMax = params.placesMax;
    this.#what = params.what;
  }

  get taken(): number {
    return this.#taken;
  }

  get isFull(): boolean {
    return this.#taken >= this.#placesMax;
  }

  /** Why this principal gets no place now, or null. */
  refusal(principal: Principal): Refusal | null {
    const lack = placeLack({
      placesMax: this.#placesMax,
      taken: this.#taken,
      ofTenant: this.#tenants.get(principal.tenantId) ?? 0,
      ofPrincipal: this.#principals.get(principalKey(principal)) ?? 0,
    });
    return lack === null ? null : { ...refuse("too_many_requests", this.#detail(lack)), retryAfterMs: PLACES_RETRY_MS };
  }

  /** Takes a place, if the principal may have one. */
  take(principal: Principal): PlaceTaken {
    return this.refusal(principal) ?? { kind: "taken", leave: this.enter(principal) };
  }

  /** Takes a place for a principal that `refusal` has let in. */
  enter(principal: Principal): LeavePlace {
    const { tenantId } = principal;
    const key = principalKey(principal);
    this.#taken += 1;
    addTo(this.#tenants, tenantId, 1);
    addTo(this.#principals, key, 1);
    let hasLeft = false;
    return () => {
      if (hasLeft) return;
      hasLeft = true;
      this.#taken -= 1;
      addTo(this.#tenants, tenantId, -1);
      addTo(this.#principals, key, -1);
    };
  }

  #detail(lack: PlaceLack): string {
    switch (lack) {
      case "all":
        return `This gateway has as many ${this.#what} as it takes; try again later.`;
      case "tenant":
        return `This gateway has as many ${this.#what} of your tenant as it takes now; close some, or try again later.`;
      case "principal":
        return `This key or token has as many ${this.#what} here as it may have now; close some, or try again later.`;
      default:
        return lack satisfies never;
    }
  }
}

function addTo(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

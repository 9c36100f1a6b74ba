import type { Scope } from "@hsafa/protocol";
import { StoreUnavailable } from "../ports/store.ts";
import type { Authenticate } from "./authenticate.ts";
import type { Principal } from "./principal.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { isBound } from "./bounds.ts";
import { hasScope } from "./scopes.ts";

/** What a route or a connection requires of a credential. */
export interface Requirement {
  /** The principal holds one of these, or `admin`. Empty: any valid credential. */
  readonly scopes: readonly Scope[];
  /** Whether the tenant as a whole is served. A token that names a run, a thread or a device does not see that. */
  readonly unbound?: boolean;
  /** The device that the holder wants to be. A token admits the device that it names. */
  readonly deviceKey?: string;
  /** The tenant of the connection that the credential renews. */
  readonly tenantId?: string;
  /** The address that the credential came from. It is held to account for credentials that are unknown. */
  readonly from?: string;
}

export type Admission = { readonly kind: "admitted"; readonly principal: Principal } | Refusal;

/**
 * Says who holds a credential and whether it meets the requirement. The refusal has the code `unauthenticated`,
 * `forbidden`, or `unavailable` while the store is away: then the same credential may be admitted later.
 */
export async function admit(
  deps: { readonly authenticate: Authenticate },
  credential: string,
  requirement: Requirement,
): Promise<Admission> {
  try {
    const authentication = await deps.authenticate(credential, requirement.from);
    if (authentication.kind === "refused") return authentication;
    const { principal } = authentication;
    return unmet(principal, requirement) ?? { kind: "admitted", principal };
  } catch (error) {
    if (error instanceof StoreUnavailable) return refuse("unavailable", "The store is away; try again.");
    throw error;
  }
}

/** The part of the requirement that the principal does not meet, or null. */
function unmet(principal: Principal, { scopes, unbound, deviceKey, tenantId }: Requirement): Refusal | null {
  if (scopes.length > 0 && !hasScope(principal, scopes)) {
    return refuse("forbidden", `This needs the scope ${scopes.join(" or ")}; use a key or token that holds it.`);
  }
  if (unbound === true && isBound(principal)) {
    return refuse("forbidden", "The token is bound to a run, a thread or a device, and this is the whole tenant's.");
  }
  if (deviceKey !== undefined && principal.kind === "token" && principal.deviceKey !== deviceKey) {
    const isNamed = principal.deviceKey !== undefined;
    return refuse(
      "forbidden",
      isNamed ? "The token was made for another device key." : "The token names no device; make it with 'deviceKey'.",
    );
  }
  if (tenantId !== undefined && principal.tenantId !== tenantId) {
    return refuse("forbidden", "The token belongs elsewhere than the one this connection began with.");
  }
  return null;
}

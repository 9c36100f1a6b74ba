import type { RevokeTokensBody } from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";

/** Ends the tokens made so far: of a subject, of a device, or of the whole tenant. */
export async function revokeTokens(
  deps: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  { subject, deviceKey }: RevokeTokensBody,
): Promise<{ readonly kind: "revoked" } | Refusal> {
  const { tenantId } = principal;
  const whose = whoseOf(subject, deviceKey);
  const isTaken = await deps.store.forTenant(tenantId).revokeTokens({ whose, by: actorOf(principal) });
  if (!isTaken) {
    return refuse(
      "too_many_requests",
      "The tenant has revoked too many subjects and devices one by one today; revoke all of its tokens instead.",
    );
  }
  deps.bell.ring({ about: "revocation", tenantId });
  return { kind: "revoked" };
}

function whoseOf(
  subject: string | undefined,
  deviceKey: string | undefined,
): { readonly kind: "tokens" } | { readonly kind: "subject" | "device"; readonly subject: string } {
  if (subject !== undefined) return { kind: "subject", subject };
  return deviceKey === undefined ? { kind: "tokens" } : { kind: "device", subject: deviceKey };
}

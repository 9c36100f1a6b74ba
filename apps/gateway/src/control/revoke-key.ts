import { isId } from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";

/** Revokes a key. What it opened, and the tokens that it made, end within a second on every gateway. */
export async function revokeKey(
  { store, bell }: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  keyId: string,
): Promise<{ readonly kind: "revoked" } | Refusal> {
  const { tenantId } = principal;
  if (!isId(keyId) || !(await store.forTenant(tenantId).revokeApiKey({ keyId, by: actorOf(principal) })))
    return notFound("key");
  bell.ring({ about: "revocation", tenantId });
  return { kind: "revoked" };
}

import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";

/** Forgets a secret. Requests that need it fail from then on. */
export async function deleteSecret(
  { store }: { readonly store: Store },
  principal: Principal,
  name: string,
): Promise<{ readonly kind: "deleted" } | Refusal> {
  const by = actorOf(principal);
  return (await store.forTenant(principal.tenantId).deleteSecret({ name, by }))
    ? { kind: "deleted" }
    : notFound("secret");
}

import { type ApiKeyWithSecret, isId } from "@hsafa/protocol";
import { apiKeyHash, newApiKey } from "../access/api-key.ts";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";

/** Gives a key a new secret. The former one is taken for the overlap. */
export async function rotateKey(
  { store, bell }: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  { keyId, overlapSeconds }: { readonly keyId: string; readonly overlapSeconds: number },
): Promise<{ readonly kind: "made"; readonly key: ApiKeyWithSecret } | Refusal> {
  if (!isId(keyId)) return notFound("key");
  const { tenantId } = principal;
  const secret = newApiKey();
  const keyHash = apiKeyHash(secret);
  const overlapMs = overlapSeconds * 1000;
  const outcome = await store.forTenant(tenantId).rotateApiKey({ keyId, keyHash, overlapMs, by: actorOf(principal) });
  switch (outcome.kind) {
    case "rotated":
      bell.ring({ about: "revocation", tenantId });
      return { kind: "made", key: { ...outcome.key, key: secret } };
    case "not_found":
      return notFound("key");
    case "initial":
      return refuse(
        "forbidden",
        "A gateway takes this key from HSAFA_ADMIN_KEY or from its data folder. Replace it there, and start the gateway again.",
      );
    case "too_many":
      return refuse("too_many_requests", "The tenant has rotated too many keys today; wait a day, or make a new key.");
    default:
      return outcome satisfies never;
  }
}

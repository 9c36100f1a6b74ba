import type { ApiKeyWithSecret, CreateKeyBody } from "@hsafa/protocol";
import { apiKeyHash, newApiKey } from "../access/api-key.ts";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import type { TenantId } from "../core/tenant-id.ts";
import type { Clock } from "../ports/clock.ts";
import { KEYS_PER_TENANT_MAX } from "../ports/limits.ts";
import type { Store } from "../ports/store.ts";

/** What speaks for the whole tenant, and so for no user of it. */
const OPERATORS_SCOPES = ["admin", "agents:write"] as const;

/** Refuses what no key of a tenant may be. */
export function refusedKey({ scopes, subject }: CreateKeyBody): Refusal | null {
  const excess = subject === undefined ? undefined : OPERATORS_SCOPES.find((scope) => scopes.includes(scope));
  if (excess === undefined) return null;
  const fault = { path: "scopes", message: `must not hold ${excess} together with a subject` };
  return refuse("invalid_request", "A key of a user does not speak for the tenant; see 'errors'.", [fault]);
}

/** Makes a key, in the tenant of the one who asks or in the one that an operator names. It is shown this once. */
export async function createKey(
  { store, clock }: { readonly store: Store; readonly clock: Pick<Clock, "newId"> },
  principal: Principal,
  body: CreateKeyBody,
  tenantId: TenantId = principal.tenantId,
): Promise<{ readonly kind: "made"; readonly key: ApiKeyWithSecret } | Refusal> {
  const refusal = refusedKey(body);
  if (refusal !== null) return refusal;
  const { name, scopes, subject, groups = [], expiresInSeconds } = body;
  const secret = newApiKey();
  const key = await store.forTenant(tenantId).createApiKey({
    keyId: clock.newId(),
    name,
    keyHash: apiKeyHash(secret),
    scopes: [...new Set(scopes)],
    subject: subject ?? null,
    groups: [...new Set(groups)],
    createdBy: principal.name,
    by: actorOf(principal),
    expiresInMs: expiresInSeconds === undefined ? null : expiresInSeconds * 1000,
  });
  if (key !== null) return { kind: "made", key: { ...key, key: secret } };
  return refuse(
    "too_many_requests",
    `The tenant has ${KEYS_PER_TENANT_MAX} keys, with those revoked today; revoke what is not needed, and wait a day.`,
  );
}

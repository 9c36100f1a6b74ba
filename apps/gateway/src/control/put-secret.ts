import type { Secret } from "@hsafa/protocol";
import { secretNameSchema } from "@hsafa/protocol/schema";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import { schemaFaults } from "../access/schema-faults.ts";
import type { Clock } from "../ports/clock.ts";
import { SECRETS_PER_TENANT_MAX } from "../ports/limits.ts";
import type { SecretBox } from "../ports/secret-box.ts";
import type { Store } from "../ports/store.ts";

/** Makes a secret, or gives it another value. Nothing that a gateway answers shows a value again. */
export async function putSecret(
  deps: { readonly store: Store; readonly clock: Pick<Clock, "newId">; readonly secretBox: SecretBox },
  principal: Principal,
  params: { readonly name: string; readonly value: string },
): Promise<{ readonly kind: "put"; readonly secret: Secret; readonly created: boolean } | Refusal> {
  const { tenantId, name: setBy } = principal;
  const { value } = params;
  const parsed = secretNameSchema.safeParse(params.name);
  if (!parsed.success)
    return refuse("invalid_request", "A secret needs another name.", schemaFaults(parsed.error, ["name"]));
  const name = parsed.data;
  const sealed = deps.secretBox.seal({ tenantId, name, value });
  if (sealed === null) {
    return refuse(
      "unavailable",
      "This gateway has no key to keep secrets with; its operator sets HSAFA_SECRETS_KEY, the same on every gateway.",
    );
  }
  const secret = { secretId: deps.clock.newId(), name, sealed, setBy, by: actorOf(principal) };
  const outcome = await deps.store.forTenant(tenantId).putSecret(secret);
  if (outcome.kind === "put") return outcome;
  return refuse("too_many_requests", `A tenant has at most ${SECRETS_PER_TENANT_MAX} secrets; delete one first.`);
}

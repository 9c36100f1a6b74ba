import { expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { noSecretBox } from "../../test/support/no-secrets.ts";
import { createMemoryStore } from "../../test/store/memory-store.ts";
import { createEnvelopeBox } from "../adapters/secrets/envelope-box.ts";
import { SECRETS_PER_TENANT_MAX } from "../ports/limits.ts";
import { putSecret } from "./put-secret.ts";
import { asTenantId } from "../core/tenant-id.ts";

const principal = {
  kind: "api_key",
  keyId: "key-1",
  tenantId: asTenantId("t"),
  name: "a key",
  scopes: ["admin"],
} as const;

function deps(secretBox = noSecretBox) {
  const clock = new ManualClock();
  return { store: createMemoryStore({ clock }), clock, secretBox };
}

test("a gateway without a key for secrets keeps none, and says what its operator has to set", async () => {
  const all = deps();
  const outcome = await putSecret(all, principal, { name: "crm", value: "value-of-the-secret" });
  expect(outcome).toMatchObject({ kind: "refused", code: "unavailable" });
  expect(JSON.stringify(outcome)).toContain("HSAFA_SECRETS_KEY");
  expect((await all.store.forTenant(asTenantId("t")).listSecrets({ limit: 10, cursor: undefined })).data).toEqual([]);
});

test("what the store is given is sealed", async () => {
  const all = deps(createEnvelopeBox(["a master key of the operator, long enough"]));
  await putSecret(all, principal, { name: "crm", value: "value-of-the-secret" });
  const { sealed } = await all.store.forTenant(asTenantId("t")).readSecret({ name: "crm" });
  expect(sealed).toMatch(/^v1\./);
  expect(all.secretBox.open({ tenantId: asTenantId("t"), name: "crm", sealed: sealed ?? "" })).toBe(
    "value-of-the-secret",
  );
});

test("a tenant that has all the secrets that it may have is told to delete one", async () => {
  const all = deps(createEnvelopeBox(["a master key of the operator, long enough"]));
  for (let count = 0; count < SECRETS_PER_TENANT_MAX; count += 1) {
    await putSecret(all, principal, { name: `s${count}`, value: "value-of-the-secret" });
  }
  const outcome = await putSecret(all, principal, { name: "more", value: "value-of-the-secret" });
  expect(outcome).toMatchObject({ kind: "refused", code: "too_many_requests" });
});

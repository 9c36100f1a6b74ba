import { expect, test } from "vitest";
import { StoreUnavailable } from "../ports/store.ts";
import { admit, type Requirement } from "./admit.ts";
import type { Authenticate } from "./authenticate.ts";
import type { Principal } from "./principal.ts";
import { refuse } from "./refusal.ts";
import { asTenantId } from "../core/tenant-id.ts";

const PRINCIPAL: Principal = {
  kind: "token",
  keyId: "key-1",
  tenantId: asTenantId("tenant-1"),
  name: "ci",
  scopes: ["runs:read"],
};

/** What becomes of a principal: `admitted`, or the code of the refusal. */
async function outcome(principal: Partial<Principal>, requirement: Requirement): Promise<string> {
  const authenticate: Authenticate = async () => ({
    kind: "authenticated",
    principal: { ...PRINCIPAL, ...principal },
  });
  const admission = await admit({ authenticate }, "credential", requirement);
  return admission.kind === "admitted" ? "admitted" : admission.code;
}

test("a principal needs one of the scopes, or admin; a requirement without scopes admits any", async () => {
  expect(await outcome({}, { scopes: ["runs:write", "runs:read"] })).toBe("admitted");
  expect(await outcome({}, { scopes: ["runs:write"] })).toBe("forbidden");
  expect(await outcome({ scopes: ["admin"] }, { scopes: ["runs:write"] })).toBe("admitted");
  expect(await outcome({ scopes: [] }, { scopes: [] })).toBe("admitted");
});

test("a bound token does not see the tenant at large", async () => {
  for (const bound of [{ runId: "run-1" }, { threadId: "thread-1" }, { deviceKey: "laptop" }]) {
    expect(await outcome(bound, { scopes: ["runs:read"], unbound: true })).toBe("forbidden");
    expect(await outcome(bound, { scopes: ["runs:read"] })).toBe("admitted");
  }
});

test("a token that names a device key admits no other device", async () => {
  const laptop: Requirement = { scopes: ["runs:read"], deviceKey: "laptop" };
  expect(await outcome({ deviceKey: "laptop" }, laptop)).toBe("admitted");
  expect(await outcome({ deviceKey: "phone" }, laptop)).toBe("forbidden");
  expect(await outcome({}, laptop)).toBe("forbidden");
  expect(await outcome({ kind: "api_key" }, laptop)).toBe("admitted");
});

test("a credential of another tenant does not renew a connection", async () => {
  expect(await outcome({}, { scopes: [], tenantId: asTenantId("tenant-1") })).toBe("admitted");
  expect(await outcome({}, { scopes: [], tenantId: asTenantId("tenant-2") })).toBe("forbidden");
});

test("an unknown credential is refused with its reason, and a store that is away with a code that says so", async () => {
  const refusal = refuse("unauthenticated", "The API key is unknown or was revoked.");
  expect(await admit({ authenticate: async () => refusal }, "key", { scopes: [] })).toEqual(refusal);
  const away: Authenticate = () => Promise.reject(new StoreUnavailable("away"));
  expect(await admit({ authenticate: away }, "key", { scopes: [] })).toMatchObject({ code: "unavailable" });
  const broken: Authenticate = () => Promise.reject(new Error("a bug"));
  await expect(admit({ authenticate: broken }, "key", { scopes: [] })).rejects.toThrow("a bug");
});

import { expect, test } from "vitest";
import type { Principal } from "./principal.ts";
import { hasScope } from "./scopes.ts";
import { asTenantId } from "../core/tenant-id.ts";

const key: Principal = { kind: "api_key", keyId: "key-1", tenantId: asTenantId("t"), name: "k", scopes: ["runs:read"] };

test("one of the scopes asked for is enough, and admin counts as every one", () => {
  expect(hasScope(key, ["runs:write", "runs:read"])).toBe(true);
  expect(hasScope(key, ["runs:write"])).toBe(false);
  expect(hasScope({ ...key, scopes: ["admin"] }, ["agents:write"])).toBe(true);
});

test("the scope to write does not let its holder read", () => {
  expect(hasScope({ ...key, scopes: ["runs:write"] }, ["runs:read"])).toBe(false);
});

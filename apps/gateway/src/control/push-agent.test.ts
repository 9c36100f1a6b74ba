import { expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { NO_QUOTAS } from "../../test/support/no-quotas.ts";
import type { Store } from "../ports/store.ts";
import { pushAgent } from "./push-agent.ts";
import { asTenantId } from "../core/tenant-id.ts";

test("a push whose schemas nobody could check is told to come again, and not that its config is wrong", async () => {
  const store = { forTenant: () => ({}) } as unknown as Store;
  const schemas = {
    check: async () => ({ kind: "busy" }) as const,
    checkOutput: () => Promise.resolve({ kind: "busy" } as const),
    findFaults: async () => [],
    validate: async () => [],
  };
  const config = { name: "a", model: "demo/echo", tools: [{ name: "t", target: "external", inputSchema: {} }] };
  const principal = {
    kind: "api_key" as const,
    keyId: "key-1",
    tenantId: asTenantId("t"),
    name: "key",
    scopes: ["agents:write" as const],
  };
  const outcome = await pushAgent(
    { store, schemas, clock: new ManualClock(), quotas: NO_QUOTAS, prices: new Map() },
    principal,
    {
      name: "a",
      config,
      promote: true,
    },
  );
  expect(outcome).toMatchObject({ kind: "refused", code: "too_many_requests" });
});

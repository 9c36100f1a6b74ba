import { expect, test } from "vitest";
import { asTenantId } from "../../core/tenant-id.ts";
import { CLOCKS_DIFFER_MS_MAX, REMEMBERED_AGENTS_MAX, REMEMBERED_CONFIG_CHARACTERS_MAX } from "./limits.ts";
import { RememberedAgents } from "./remembered-agents.ts";

const TENANT = asTenantId("tenant-a");
const NAME = { agent: "worker", versionId: undefined };
const FOUND = { agentId: "a", versionId: "v1", configText: JSON.stringify({ name: "worker", model: "demo/hello" }) };

test("the store's time is reckoned on from its last answer, and not after a sleep of the machine", () => {
  const now = { wall: 1000, monotonic: 5 };
  const agents = new RememberedAgents({ wall: () => now.wall, monotonic: () => now.monotonic });
  expect(agents.now).toBeNull();
  agents.heard(70_000);
  now.wall += 250;
  now.monotonic += 250.5;
  expect(agents.now).toBe(70_250);
  now.wall += CLOCKS_DIFFER_MS_MAX + 1;
  expect(agents.now).toBeNull();
  agents.heard(80_000);
  expect(agents.now).toBe(80_000);
});

test("an agent is remembered for its own tenant, under the words by which it was named", () => {
  const agents = new RememberedAgents();
  expect(agents.found(TENANT, NAME, FOUND).config).toMatchObject({ model: "demo/hello" });
  expect(agents.find(TENANT, NAME)).toMatchObject({ versionId: "v1" });
  expect(agents.find(asTenantId("tenant-b"), NAME)).toBeNull();
  expect(agents.find(TENANT, { agent: "worker", versionId: "v1" })).toBeNull();
  agents.found(TENANT, NAME, { ...FOUND, versionId: "v2" });
  expect(agents.find(TENANT, NAME)).toMatchObject({ versionId: "v2" });
  agents.forget(TENANT, NAME);
  expect(agents.find(TENANT, NAME)).toBeNull();
});

test("it is bounded in agents and in what each may say (R9)", () => {
  const agents = new RememberedAgents();
  const pad = "x".repeat(REMEMBERED_CONFIG_CHARACTERS_MAX);
  const config = { name: "worker", model: "demo/hello", system: pad };
  agents.found(TENANT, NAME, { ...FOUND, configText: JSON.stringify(config) });
  expect(agents.find(TENANT, NAME)).toBeNull();
  for (let n = 0; n <= REMEMBERED_AGENTS_MAX; n++) agents.found(TENANT, { ...NAME, agent: `a${n}` }, FOUND);
  expect(agents.find(TENANT, { ...NAME, agent: "a0" })).toBeNull();
  expect(agents.find(TENANT, { ...NAME, agent: `a${REMEMBERED_AGENTS_MAX}` })).not.toBeNull();
});

import { expect, test } from "vitest";
import { config } from "../../test/support/given.ts";
import { evolve, initialState } from "./evolve.ts";
import { scopedConfig, scopeFaults } from "./scoped-config.ts";

const own = { name: "own", inputSchema: { type: "object" }, target: "external" as const };
const names = config().tools.map(({ name }) => name);

test("a run has the agent's words and then its own, and the tools that its start names", () => {
  const agent = { ...config(), system: "Be brief." };
  expect(scopedConfig(agent, {})).toEqual(agent);
  const scoped = scopedConfig(agent, { instructions: "Speak French.", tools: [names[0] ?? "", own] });
  expect(scoped.system).toBe("Be brief.\n\nSpeak French.");
  expect(scoped.tools).toEqual([agent.tools[0], { ...own, onTimeout: "tell-model" }]);
  const { system: _none, ...silent } = agent;
  expect(scopedConfig(silent, { instructions: "Speak French." }).system).toBe("Speak French.");
  expect(scopedConfig(agent, { tools: [] }).tools).toEqual([]);
});

test("what a start adds is folded from the run's first fact, so that another gateway goes on with the same", () => {
  const data = { agentId: "a", versionId: "v", threadId: null, earlier: [], deviceKey: null, metadata: {} };
  const before = initialState({ runId: "r", config: config(), deviceKey: null });
  const after = evolve(
    before,
    { type: "run.created", data: { ...data, instructions: "Speak French.", tools: [own] } },
    0,
  );
  expect(after.run.config.system).toMatch(/Speak French\.$/);
  expect(after.run.config.tools.map(({ name }) => name)).toEqual(["own"]);
});

test("a tool that is not there, stands twice, or has the name of one of the agent is told with its place", () => {
  const first = names[0] ?? "";
  expect(scopeFaults({ tools: [first, own] }, names)).toEqual([]);
  const faults = scopeFaults({ tools: ["nothing", first, first, { ...own, name: names[1] ?? "" }] }, names);
  expect(faults.map(({ path }) => path)).toEqual(["tools.0", "tools.2", "tools.3.name"]);
});

import { describe, expect, test } from "vitest";
import { HELD_TIMEOUT_MS_MAX, modelIdleTimeoutMsOf, TIMEOUT_MS_MAX, timeoutMsOf } from "../src/index.ts";
import { agentConfigSchema, storedAgentConfigSchema } from "../src/schema/index.ts";

const tool = { name: "t", inputSchema: {} };
const served = { ...tool, server: { type: "function" } };

function faults(config: object): string[] {
  const parsed = agentConfigSchema.safeParse({ name: "a", model: "demo/echo", ...config });
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`);
}

describe("what a gateway itself waits for takes minutes, not days", () => {
  test("a push is refused that asks for more, and it is told what to do instead", () => {
    expect(faults({ modelIdleTimeoutMs: HELD_TIMEOUT_MS_MAX + 1 })).toEqual([
      "modelIdleTimeoutMs must be at most 1800000 (30 minutes): a gateway waits meanwhile, and holds a place",
    ]);
    const [tooLong] = faults({ tools: [tool, { ...served, name: "s", timeoutMs: TIMEOUT_MS_MAX }] });
    expect(tooLong).toMatch(/^tools\.1\.timeoutMs must be at most 1800000 .*needs the target 'external'/);
    const [unnamed] = faults({ toolTimeoutMs: TIMEOUT_MS_MAX, tools: [served] });
    expect(unnamed).toMatch(
      /^tools\.0\.timeoutMs is needed, since 'toolTimeoutMs' is too long for a tool of the gateway/,
    );
  });

  test("a device and an external program may take days, and a server tool beside them its own time", () => {
    const tools = [
      { ...tool, timeoutMs: TIMEOUT_MS_MAX },
      { ...tool, name: "ask", target: "external", timeoutMs: TIMEOUT_MS_MAX },
      { ...served, name: "s", timeoutMs: HELD_TIMEOUT_MS_MAX },
    ];
    expect(faults({ modelIdleTimeoutMs: HELD_TIMEOUT_MS_MAX, toolTimeoutMs: TIMEOUT_MS_MAX, tools })).toEqual([]);
  });

  test("a config that was accepted with more is still read, and runs with the most that is allowed", () => {
    const config = storedAgentConfigSchema.parse({
      name: "a",
      model: "demo/echo",
      modelIdleTimeoutMs: TIMEOUT_MS_MAX,
      toolTimeoutMs: TIMEOUT_MS_MAX,
      tools: [served, { ...served, name: "s", timeoutMs: TIMEOUT_MS_MAX }, { ...tool, name: "d" }],
    });
    expect(modelIdleTimeoutMsOf(config)).toBe(HELD_TIMEOUT_MS_MAX);
    expect(config.tools.map((one) => timeoutMsOf(config, one))).toEqual([
      HELD_TIMEOUT_MS_MAX,
      HELD_TIMEOUT_MS_MAX,
      TIMEOUT_MS_MAX,
    ]);
  });
});

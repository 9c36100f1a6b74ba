import type { DeviceToolContext } from "@hsafa/client";
import { expect, test } from "vitest";
import { defineAgent, defineConfig, defineTool, deviceTools } from "./index.ts";

const greet = defineTool({
  name: "greet",
  description: "Greets somebody",
  inputSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
});
const pay = defineTool({ name: "pay", inputSchema: { type: "object" }, target: "external" });
const agent = defineAgent({ name: "host", model: "demo/echo", tools: [greet, pay] });
const context = {} as DeviceToolContext;

test("a device offers a tool of an agent with its schema, and its function gets typed arguments", async () => {
  const tools = deviceTools(agent, { greet: ({ name }) => name.toUpperCase() });
  expect(tools.greet).toMatchObject({ description: "Greets somebody", inputSchema: greet.inputSchema });
  expect(await tools.greet?.execute({ name: "ann" }, context)).toBe("ANN");
});

test("a tool that the agent does not have, or that no device executes, is refused", () => {
  // @ts-expect-error: the agent has no such tool.
  expect(() => deviceTools(agent, { great: () => "" })).toThrow("has no tool 'great'");
  // @ts-expect-error: no device executes it.
  expect(() => deviceTools(agent, { pay: () => "" })).toThrow("its target is 'external'");
  // @ts-expect-error: the schema has no such argument.
  deviceTools(agent, { greet: ({ nam }) => String(nam) });
});

test("a wrong field of the project's settings does not compile", () => {
  expect(defineConfig({ agents: ["agents"], port: 0 })).toEqual({ agents: ["agents"], port: 0 });
  // @ts-expect-error: there is no such field.
  defineConfig({ agent: "agents" });
});

import { agentConfigSchema, startRunBodySchema } from "@hsafa/protocol/schema";
import { expect, test } from "vitest";
import type { z } from "zod";
import { type ValidationFault, schemaFaults } from "./schema-faults.ts";

function faults(schema: z.ZodType, value: unknown): ValidationFault[] {
  const parsed = schema.safeParse(value);
  return parsed.success ? [] : schemaFaults(parsed.error);
}

test("every unknown field is a fault of its own, at its own path", () => {
  const config = { name: "a", model: "demo/echo", temprature: 1, settings: { topp: 1 } };
  expect(faults(agentConfigSchema, config)).toEqual([
    { path: "settings.topp", message: "is not a known field" },
    { path: "temprature", message: "is not a known field" },
  ]);
});

test("of a union the alternative that was meant is told, not that nothing matched", () => {
  const inMessage = faults(startRunBodySchema, { agent: "a", input: [{ role: "user", content: 7 }] });
  expect(inMessage.map(({ path }) => path)).toEqual(["input.0.content"]);
  const neither = faults(startRunBodySchema, { agent: "a", input: 7 });
  expect(neither).toMatchObject([{ path: "input", message: expect.stringMatching(/string.*array/) as string }]);
});

test("a server tool of a kind that is only reserved is told what there is", () => {
  const tools = [{ name: "t", inputSchema: {}, server: { type: "mcp" } }];
  const [fault] = faults(agentConfigSchema, { name: "a", model: "demo/echo", tools });
  expect(fault?.path).toBe("tools.0.server.type");
  expect(fault?.message).toMatch(/http.*function/);
});

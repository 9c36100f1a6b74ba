import * as v from "valibot";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { defineTool } from "./define-tool.ts";
import type { DeviceToolContext } from "./device-calls.ts";

const context: DeviceToolContext = {
  callId: "c",
  runId: "r",
  attempt: 1,
  deadline: null,
  signal: new AbortController().signal,
  progress() {},
};

test("the arguments have the schema's type, its defaults are filled in, and the gateway gets it as JSON Schema", async () => {
  const tool = defineTool({
    description: "Reads a file",
    input: z.object({ path: z.string(), lines: z.int().default(10) }),
    execute(args) {
      expectTypeOf(args).toEqualTypeOf<{ path: string; lines: number }>();
      return `${args.path} ${args.lines}`;
    },
  });
  expect(await tool.execute({ path: "a.txt" }, context)).toBe("a.txt 10");
  expect(tool).toMatchObject({
    description: "Reads a file",
    inputSchema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
  });
});

test("arguments that the schema refuses end the call, and the model reads where and why", async () => {
  const tool = defineTool({ input: z.object({ at: z.object({ x: z.number() }) }), execute: () => "done" });
  await expect(tool.execute({ at: { x: "1" } }, context)).rejects.toMatchObject({
    code: "invalid_args",
    message: expect.stringMatching(/^at\.x: /) as string,
  });
});

test("a schema that cannot write itself as JSON Schema needs one beside it, and is checked all the same", async () => {
  const input = v.object({ n: v.pipe(v.number(), v.minValue(1, "must be positive")) });
  expect(() => defineTool({ input, execute: () => 1 })).toThrow("valibot");
  const inputSchema = { type: "object", properties: { n: { type: "number" } } };
  const tool = defineTool({ input, inputSchema, execute: ({ n }) => n + 1 });
  expect(tool.inputSchema).toBe(inputSchema);
  expect(await tool.execute({ n: 1 }, context)).toBe(2);
  await expect(tool.execute({ n: 0 }, context)).rejects.toThrow("n: must be positive");
});

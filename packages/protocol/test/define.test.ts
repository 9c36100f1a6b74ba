import { describe, expect, test } from "vitest";
import { z } from "zod";
import { agentTool, checkArgs, defineAgent, defineTool, sleepTool } from "../src/define/index.ts";
import { writeExactJson } from "../src/exact-json.ts";
import { agentConfigSchema } from "../src/schema/index.ts";

const search = defineTool({
  name: "search_notes",
  description: "Finds notes",
  inputSchema: z.object({ words: z.array(z.string()).min(1), limit: z.int().default(5) }),
});

const save = defineTool({
  name: "save_note",
  inputSchema: {
    type: "object",
    properties: { title: { type: "string", minLength: 1 }, tags: { type: "array", items: { type: "string" } } },
    required: ["title"],
    additionalProperties: false,
  },
  target: "browser",
  device: { select: "origin" },
  approval: "always",
});

const weather = defineTool({
  name: "weather",
  inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  server: { type: "http", method: "GET", url: "https://weather.example.com/{city}" },
});

describe("what is defined", () => {
  test("is a config that the gateway takes as it is, with the JSON Schema of each tool", () => {
    const agent = defineAgent({ name: "notes", model: "demo/echo", tools: [search, save, weather] });
    const config: unknown = JSON.parse(writeExactJson(agent) ?? "");
    const parsed = agentConfigSchema.parse(config);
    expect(parsed.tools.map(({ name, target }) => [name, target])).toEqual([
      ["search_notes", "device"],
      ["save_note", "browser"],
      ["weather", "server"],
    ]);
    expect(parsed.tools[0]?.inputSchema).toEqual({
      type: "object",
      properties: {
        words: { minItems: 1, type: "array", items: { type: "string" } },
        limit: { default: 5, type: "integer", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
      },
      required: ["words"],
    });
  });

  test("a schema of a library fills in its defaults, and says what is wrong with arguments", async () => {
    expect(await search[checkArgs]({ words: ["a"] })).toEqual({ words: ["a"], limit: 5 });
    await expect(search[checkArgs]({ words: [1] })).rejects.toThrow(/^words\.0: .*string/);
  });

  test("a schema that makes no JSON Schema, or describes no object, is refused with what to do", () => {
    const old = { "~standard": { version: 1, vendor: "old-zod", validate: (value: unknown) => ({ value }) } };
    // @ts-expect-error: it has no JSON Schema.
    expect(() => defineTool({ name: "a", inputSchema: old })).toThrow(/'a': this version of old-zod makes no JSON/);
    // @ts-expect-error: the arguments of a tool are an object.
    expect(() => defineTool({ name: "a", inputSchema: z.string() })).toThrow(/must describe an object/);
    // @ts-expect-error: the arguments of a tool are an object.
    expect(() => defineTool({ name: "a", inputSchema: { type: "string" } })).toThrow(/"type": "object"/);
  });
});

test("a sleep is defined without a schema, and is a config that the gateway takes", () => {
  const agent = defineAgent({ name: "watchman", model: "demo/echo", tools: [sleepTool(), sleepTool({ name: "nap" })] });
  const { tools } = agentConfigSchema.parse(JSON.parse(writeExactJson(agent) ?? ""));
  expect(tools).toMatchObject([
    { name: "sleep", target: "server", server: { type: "sleep" }, inputSchema: { type: "object" } },
    { name: "nap" },
  ]);
  const plain = { name: "a", model: "demo/echo", tools: [{ name: "sleep", server: { type: "sleep" } }] };
  expect(agentConfigSchema.parse(plain).tools[0]).toEqual({ ...tools[0], target: undefined });
  expect(() => agentConfigSchema.parse({ ...plain, tools: [{ name: "t", server: { type: "function" } }] })).toThrow(
    /is required/,
  );
  // No gateway holds it, so it needs no time of its own beside tools that wait for hours.
  expect(agentConfigSchema.parse({ ...plain, toolTimeoutMs: 3_600_000 }).toolTimeoutMs).toBe(3_600_000);
});

test("a tool of another agent is defined without a schema, and is a config that the gateway takes", () => {
  const research = agentTool({ name: "research", agent: "researcher", timeoutMs: 60_000 });
  const agent = defineAgent({ name: "boss", model: "demo/echo", tools: [research] });
  const { tools } = agentConfigSchema.parse(JSON.parse(writeExactJson(agent) ?? ""));
  expect(tools).toMatchObject([{ name: "research", target: "server", server: { type: "agent", agent: "researcher" } }]);
  const plain = {
    name: "boss",
    model: "demo/echo",
    tools: [{ name: "research", server: { type: "agent", agent: "researcher" }, timeoutMs: 60_000 }],
  };
  expect(agentConfigSchema.parse(plain).tools[0]).toEqual({ ...tools[0], target: undefined });
  // @ts-expect-error: an agent has a name.
  agentTool({ name: "research" });
});

// The compiler is the test of what follows: a line that compiles although it should not is an error there.
describe("what is wrong does not compile", () => {
  const inputSchema = { type: "object" } as const;

  test("names", () => {
    // @ts-expect-error: a tool's name has no space.
    defineTool({ name: "search notes", inputSchema });
    // @ts-expect-error: a tool's name begins with no digit.
    defineTool({ name: "2search", inputSchema });
    // @ts-expect-error: an agent's name has no slash.
    defineAgent({ name: "a/b", model: "demo/echo" });
    // @ts-expect-error: two tools have one name.
    defineAgent({ name: "a", model: "demo/echo", tools: [search, search] });
    // @ts-expect-error: no provider has this name.
    defineAgent({ name: "a", model: "opnai/gpt-5" });
    // @ts-expect-error: no config has this field.
    defineAgent({ name: "a", model: "demo/echo", maxStep: 1 });
  });

  test("targets", () => {
    // @ts-expect-error: there is no such target.
    defineTool({ name: "a", inputSchema, target: "phone" });
    // @ts-expect-error: the target 'server' needs 'server'.
    defineTool({ name: "a", inputSchema, target: "server" });
    // @ts-expect-error: what the gateway executes is for no device.
    defineTool({ name: "a", inputSchema, target: "device", server: { type: "function" } });
    // @ts-expect-error: an external tool is for no device.
    defineTool({ name: "a", inputSchema, target: "external", device: { key: "k" } });
    // @ts-expect-error: a sleep has no time-out.
    sleepTool({ timeoutMs: 5 });
    // @ts-expect-error: there is no such kind of server tool.
    defineTool({ name: "a", inputSchema, server: { type: "soap" } });
  });

  test("schemas", () => {
    // @ts-expect-error: JSON Schema has no such keyword.
    defineTool({ name: "a", inputSchema: { type: "object", propertys: {} } });
    // @ts-expect-error: JSON Schema has no such type.
    defineTool({ name: "a", inputSchema: { type: "object", properties: { a: { type: "text" } } } });
    // @ts-expect-error: a required property is not there.
    defineTool({ name: "a", inputSchema: { type: "object", properties: { a: {} }, required: ["b"] } });
    // @ts-expect-error: JSON Schema has no such keyword further inside.
    defineTool({ name: "a", inputSchema: { type: "object", properties: { a: { type: "string", minLenght: 1 } } } });
  });

  test("arguments", async () => {
    const { words, limit } = await search[checkArgs]({ words: ["a"] });
    const typed: readonly [string[], number] = [words, limit];
    expect(typed).toEqual([["a"], 5]);
    const note = await save[checkArgs]({ title: "t" });
    const title: string = note.title;
    const tags: readonly string[] | undefined = note.tags;
    expect([title, tags]).toEqual(["t", undefined]);
    // @ts-expect-error: the schema has no such property.
    expect(note.text).toBeUndefined();
  });
});

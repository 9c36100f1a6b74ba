import type { JsonObject, JsonValue, Message } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import type { ModelOutcome } from "../../../ports/model.ts";
import { createLocalAjvSchemas } from "../../ajv/local-ajv-schemas.ts";
import { inShort, stepper } from "../../../../test/support/played-step.ts";
import { sampleArguments } from "./sample-arguments.ts";
import { asTenantId } from "../../../core/tenant-id.ts";

const step = stepper({});
const weather = {
  name: "get_weather",
  description: undefined,
  inputSchema: {
    type: "object",
    properties: { city: { type: "string" }, days: { type: "integer" } },
    required: ["city"],
  },
};
const clock = { name: "clock", description: undefined, inputSchema: { type: "object" } };

function play(script: JsonValue, options: Parameters<typeof step>[1] = {}) {
  return step("demo/script", { settings: { providerOptions: { demo: { script } } }, ...options });
}

function textOf(outcome: ModelOutcome): string {
  if (outcome.kind !== "finished") return `${outcome.kind}: ${JSON.stringify(outcome)}`;
  const parts = outcome.messages.flatMap(({ role, content }) =>
    role === "assistant" && typeof content !== "string" ? content : [],
  );
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

/** The conversation after a step, with `results` for its calls. */
function after(user: string, outcome: ModelOutcome, ...results: string[]): Message[] {
  if (outcome.kind !== "finished") throw new Error("expected a finished step");
  const content = outcome.calls.map(({ callId, toolName }, index) => ({
    type: "tool-result" as const,
    toolCallId: callId,
    toolName,
    output: { type: "text" as const, value: results[index] ?? "" },
  }));
  return [{ role: "user", content: user }, ...outcome.messages, { role: "tool", content }];
}

describe("scripts by name", () => {
  test("demo/hello reasons, then speaks word by word, and reports its usage", async () => {
    const { parts, outcome } = await step("demo/hello", { settings: { providerOptions: { demo: { everyMs: 0 } } } });
    expect(inShort(parts).slice(0, 3)).toEqual([
      "reasoning.start p0",
      'reasoning.delta p0 "Somebody "',
      'reasoning.delta p0 "says "',
    ]);
    expect(textOf(outcome)).toMatch(/^Hello! .*\.$/);
    expect(outcome).toMatchObject({
      finishReason: "stop",
      usage: { inputTokens: 2, outputTokens: expect.any(Number) as number },
    });
  });

  test("the same call gives the same step in any process", async () => {
    const settings = { providerOptions: { demo: { everyMs: 0 } } };
    const [one, two] = [await stepper({})("demo/hello", { settings }), await stepper({})("demo/hello", { settings })];
    expect(two).toEqual(one);
  });

  test("demo/echo repeats the user's message", async () => {
    expect(textOf((await step("demo/echo", { user: "naïve 🦊 text" })).outcome)).toBe("naïve 🦊 text");
  });

  test("demo/tools calls two tools at once with arguments that fit, then reports their results", async () => {
    const options = { user: "Paris", tools: [weather, clock], settings: { providerOptions: { demo: { everyMs: 0 } } } };
    const asked = (await step("demo/tools", options)).outcome;
    expect(asked).toMatchObject({
      finishReason: "tool-calls",
      calls: [
        { toolName: "get_weather", args: { city: "Paris" } },
        { toolName: "clock", args: {} },
      ],
    });
    const told = await step("demo/tools", { ...options, messages: after("Paris", asked, "sunny", "noon") });
    expect(textOf(told.outcome)).toBe("get_weather answered: sunny\nclock answered: noon\n");
  });

  test("demo/tools without tools says so and ends", async () => {
    expect(textOf((await step("demo/tools", {})).outcome)).toMatch(/no tools/);
  });

  test("demo/count counts to the number in the message", async () => {
    const settings = { providerOptions: { demo: { everyMs: 0 } } };
    expect(textOf((await step("demo/count", { user: "to 5", settings })).outcome)).toBe("1 2 3 4 5 done.");
  });

  test("demo/flaky fails twice and then answers", async () => {
    const settings = { providerOptions: { demo: { everyMs: 0 } } };
    const ask = async () => (await step("demo/flaky", { user: "only here", settings })).outcome;
    expect(await ask()).toMatchObject({ failure: { kind: "overloaded" } });
    expect(await ask()).toMatchObject({ failure: { kind: "overloaded" } });
    expect(textOf(await ask())).toBe("Third time lucky.");
  });

  test("an unknown demo is refused with the names that exist", async () => {
    expect((await step("demo/helo")).outcome).toMatchObject({
      failure: { kind: "unknown_model", message: expect.stringContaining("demo/hello") as string },
    });
  });
});

describe("scripts as JSON", () => {
  test("each step is played by its place in the conversation, and starts anew with the next message", async () => {
    const script: JsonValue = [
      [{ say: "one" }, { call: "clock" }, { call: "get_weather", args: { city: "{{user}}", list: ["{{user}}"] } }],
      [{ say: "{{result}} and {{results}}" }],
    ];
    const first = (await play(script, { user: "Rome", tools: [weather, clock] })).outcome;
    expect(first).toMatchObject({
      calls: [
        { toolName: "clock", args: {} },
        { toolName: "get_weather", args: { city: "Rome", list: ["Rome"] } },
      ],
    });
    const messages = after("Rome", first, "noon", "warm");
    const second = (await play(script, { messages })).outcome;
    expect(textOf(second)).toBe("noon and noon\nwarm");
    if (second.kind !== "finished") throw new Error("expected a finished step");
    expect(textOf((await play(script, { messages: [...messages, ...second.messages] })).outcome)).toMatch(/over/);
    const again = [...messages, ...second.messages, { role: "user" as const, content: "again" }];
    expect(textOf((await play(script, { messages: again })).outcome)).toBe("one");
  });

  test("a script that loops begins again", async () => {
    const messages: Message[] = [
      { role: "user", content: "x" },
      { role: "assistant", content: "a" },
      { role: "assistant", content: "b" },
    ];
    const { outcome } = await play({ steps: [[{ say: "first" }], [{ say: "second" }]], loop: true }, { messages });
    expect(textOf(outcome)).toBe("first");
  });

  test("adjacent parts of a kind are one part, cut into chunks of whole characters", async () => {
    const { parts } = await play([[{ say: "a🦊b", chunk: 2 }, { say: "c" }, { think: "hm" }, { say: "d" }]]);
    expect(inShort(parts)).toEqual([
      "text.start p0",
      'text.delta p0 "a🦊"',
      'text.delta p0 "b"',
      'text.delta p0 "c"',
      "text.end p0",
      "reasoning.start p1",
      'reasoning.delta p1 "hm"',
      "reasoning.end p1",
      "text.start p2",
      'text.delta p2 "d"',
      "text.end p2",
    ]);
  });

  test("thousands of deltas do not starve the event loop (R9)", async () => {
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 0);
    const { parts } = await play([[{ repeat: 20_000, parts: [{ say: "t{{n}} " }] }]]);
    clearInterval(ticking);
    expect(parts).toHaveLength(20_002);
    expect(turns).toBeGreaterThan(5);
  });

  test("a script may send arguments that are no JSON, and choose the finish reason", async () => {
    const { outcome } = await play([[{ call: "clock", rawArgs: "{oops" }, { finish: "length" }]], { tools: [clock] });
    expect(outcome).toMatchObject({
      finishReason: "length",
      calls: [{ args: "{oops", fault: "they are not valid JSON" }],
    });
  });

  test("a directive in the last message or in the system prompt is a script too", async () => {
    const inMessage = await step("demo/script", { user: 'Please.\ndemo: [[{"say": "from the message"}]]' });
    expect(textOf(inMessage.outcome)).toBe("from the message");
    const inSystem = await step("demo/script", {
      system: 'You are a demo.\ndemo: {"steps": [[{"say": "from {{user}}"}]]}',
    });
    expect(textOf(inSystem.outcome)).toBe("from hello");
  });

  test.each<[JsonValue, RegExp]>([
    [[[{ sya: "x" }]], /0\.0: is no part.*say, think, call/],
    [[[{ say: 1 }]], /0\.0\.say/],
    [[[{ call: "t", args: {}, rawArgs: "" }]], /not both/],
    [[[{ repeat: 1e9, parts: [{ say: "x" }] }]], /repeat/],
    [{ steps: [] }, /steps/],
    ["hello", /no demo script/],
  ])("%j is refused in words", async (script, words) => {
    const { outcome } = await play(script);
    expect(outcome).toMatchObject({
      failure: { kind: "bad_request", message: expect.stringMatching(words) as string },
    });
  });

  test("demo/script without a script says where to put one", async () => {
    expect((await step("demo/script")).outcome).toMatchObject({
      failure: { kind: "bad_request", message: expect.stringContaining("providerOptions.demo.script") as string },
    });
  });
});

describe("trouble on demand", () => {
  test.each<[JsonObject, object]>([
    [{ fail: { status: 429, retryAfterMs: 70 } }, { kind: "rate_limited", retryAfterMs: 70 }],
    [{ fail: { status: 400, message: "no" } }, { kind: "bad_request" }],
    [{ fail: "network" }, { kind: "network" }],
    [{ fail: "cut" }, { kind: "network" }],
  ])("%j comes after what was said before it", async (part, failure) => {
    const { parts, outcome } = await play([[{ say: "half " }, part, { say: "never" }]]);
    expect(inShort(parts)).toEqual(["text.start p0", 'text.delta p0 "half "']);
    expect(outcome).toMatchObject({ kind: "failed", failure });
  });

  test("a script that hangs is silent until the idle timeout or an abort", async () => {
    const script: JsonValue = [[{ say: "one " }, { hang: true }]];
    expect((await play(script, { idleTimeoutMs: 30 })).outcome).toMatchObject({ failure: { kind: "idle" } });
    const abort = new AbortController();
    const { outcome } = await play(script, { signal: abort.signal, onPart: () => abort.abort() });
    expect(outcome).toEqual({ kind: "aborted" });
  });

  test("a script's pauses last as long as written, and an abort ends one at once", async () => {
    const started = performance.now();
    await play([[{ say: "a b c", everyMs: 20 }, { wait: 20 }]]);
    expect(performance.now() - started).toBeGreaterThan(60);
    const abort = new AbortController();
    const { outcome } = await play([[{ say: "x" }, { wait: 3_600_000 }]], {
      signal: abort.signal,
      onPart: () => abort.abort(),
    });
    expect(outcome).toEqual({ kind: "aborted" });
  });
});

describe("arguments made from a schema", () => {
  test.each<[JsonObject]>([
    [{ type: "object", properties: { a: { type: "string", minLength: 9, maxLength: 12 } } }],
    [
      {
        type: "object",
        properties: { n: { type: "integer", minimum: 3 }, x: { type: "number", exclusiveMinimum: 1 } },
      },
    ],
    [
      {
        type: "object",
        properties: { u: { enum: ["c", "f"] }, k: { const: 7 }, b: { type: "boolean" }, z: { type: "null" } },
      },
    ],
    [
      {
        type: "object",
        properties: { l: { type: "array", items: { type: "integer" }, minItems: 2 } },
        required: ["l"],
      },
    ],
    [
      {
        type: "object",
        properties: { d: { type: "string", format: "date-time" }, e: { type: "string", format: "email" } },
      },
    ],
    [
      {
        $defs: { p: { type: "object", properties: { q: { type: "string" } }, required: ["q"] } },
        properties: { p: { $ref: "#/$defs/p" } },
      },
    ],
    [{ type: "object", properties: { o: { anyOf: [{ type: "string" }, { type: "null" }] } }, required: ["o"] }],
    [{ allOf: [{ type: "object", required: ["a"] }, { properties: { a: { type: "string" } } }] }],
  ])("fit %j", async (schema) => {
    const values = [{ schema, value: sampleArguments(schema, "hello") }];
    expect(await createLocalAjvSchemas().validate({ tenantId: asTenantId("t"), values })).toEqual([null]);
  });

  test("sample arguments of a schema that refers to itself end at a depth (R9)", () => {
    const tree: JsonObject = { type: "object", properties: { child: { $ref: "#" } }, required: ["child"] };
    expect(sampleArguments(tree, "x")).toHaveProperty("child.child");
  });
});

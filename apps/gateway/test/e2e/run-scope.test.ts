import { createDevice } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";

const tool = (name: string) => ({ name, target: "external" as const, inputSchema: { type: "object" } });
const SPEAKS = 'demo: [[{ "say": "as told: {{user}}" }]]';

describe.each(GATEWAY_PAIRS)("what a start adds to its agent %s", (_name, openPair, isSkipped) => {
  describe.skipIf(isSkipped)("for one run", () => {
    let pair: GatewayPair;
    beforeAll(async () => {
      pair = await openPair();
      await pair.a.pushAgent({ name: "plain", model: "demo/script", system: "You are plain." });
      await pair.a.pushAgent({ name: "handy", model: "demo/tools", tools: [tool("one"), tool("two")] });
    });
    afterAll(() => pair.close());

    const start = (body: object, credential?: string) =>
      pair.b.call<{ runId: string }>("POST", "/api/runs", { input: "hi", ...body }, credential ? { credential } : {});

    const asked = (events: readonly RunEvent[]): string[] =>
      events.flatMap((event) => (event.type === "tool.requested" ? [event.data.toolName] : []));

    test("instructions reach the model after the agent's words, for this run alone, and stand in its first fact", async () => {
      const told = await start({ agent: "plain", instructions: SPEAKS });
      expect(await pair.a.waitForEnd(told.body.runId)).toMatchObject({ status: "completed", output: "as told: hi" });
      const [created] = await pair.a.events(told.body.runId);
      expect(created?.data).toMatchObject({ instructions: SPEAKS });
      const untold = await start({ agent: "plain" });
      expect((await pair.a.waitForEnd(untold.body.runId)).output).not.toBe("as told: hi");
    });

    test("a run has the tools that its start names, and tools of its own, whose calls are checked by their schemas", async () => {
      const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
      const own = { ...tool("weather"), inputSchema: schema };
      const { runId } = (await start({ agent: "handy", tools: ["two", own] })).body;
      await pair.a.waitForRun(runId, ({ status }) => status === "waiting_tool");
      expect(asked(await pair.a.events(runId)).toSorted()).toEqual(["two", "weather"]);
      for (const { id, args, toolName } of await pair.a.toolCalls(runId)) {
        expect(toolName === "two" || JSON.stringify(args).includes('"city"')).toBe(true);
        const answer = { callId: id, result: `of ${toolName}` };
        expect((await pair.b.call("POST", `/api/runs/${runId}/tool-results`, answer)).status).toBe(202);
      }
      expect((await pair.a.waitForEnd(runId)).output).toContain("of weather");
      const bare = (await start({ agent: "handy", tools: [] })).body.runId;
      expect((await pair.a.waitForEnd(bare)).status).toBe("completed");
      expect(asked(await pair.a.events(bare))).toEqual([]);
    });

    test("a tool of its own that asks for the device of the start goes to no other", async () => {
      const devices = ["near", "far"].map((deviceKey) =>
        createDevice({
          url: pair.b.url,
          token: pair.b.apiKey,
          deviceKey,
          tools: { look: { inputSchema: { type: "object" }, execute: () => `from ${deviceKey}` } },
        }),
      );
      onTestFinished(() => {
        for (const device of devices) device.close();
      });
      await Promise.all(devices.map((device) => device.whenOnline()));
      const look = { name: "look", target: "device", inputSchema: { type: "object" }, device: { select: "origin" } };
      const script = 'demo: [[{ "call": "look", "args": {} }], [{ "say": "{{result}}" }]]';
      for (const deviceKey of ["far", "near", "far"]) {
        const { runId } = (await start({ agent: "plain", instructions: script, tools: [look], deviceKey })).body;
        expect(await pair.a.waitForEnd(runId)).toMatchObject({ output: `from ${deviceKey}` });
      }
      const external = { ...tool("look"), device: { select: "origin" } };
      expectProblem(await start({ agent: "plain", tools: [external] }), 400, "invalid_request");
    });

    test("what cannot be used is refused at the start with its place, and no run is made", async () => {
      const before = await pair.a.call<{ data: unknown[] }>("GET", "/api/runs?agent=handy");
      const faultsOf = async (body: object) => {
        const refused = await start({ agent: "handy", ...body });
        expectProblem(refused, 400, "invalid_request");
        return (refused.body as unknown as { errors: { path: string }[] }).errors.map(({ path }) => path);
      };
      expect(await faultsOf({ tools: ["three"] })).toEqual(["tools.0"]);
      expect(await faultsOf({ tools: ["one", "one"] })).toEqual(["tools.1"]);
      expect(await faultsOf({ tools: [tool("one")] })).toEqual(["tools.0.name"]);
      const broken = { ...tool("broken"), inputSchema: { type: "object", properties: { a: { pattern: "(" } } } };
      expect(await faultsOf({ tools: ["one", broken] })).toEqual(["tools.1.inputSchema"]);
      expect(await faultsOf({ instructions: "x", threadId: "t", policy: "steer" })).toEqual(["policy"]);
      const after = await pair.a.call<{ data: unknown[] }>("GET", "/api/runs?agent=handy");
      expect(after.body.data).toHaveLength(before.body.data.length);
    });

    test("a user's token says nothing to the model in the operator's name, and gives it no tools", async () => {
      const body = { scopes: ["runs:write"], agents: ["handy", "plain"], subject: "ann" };
      const { token } = (await pair.a.call<{ token: string }>("POST", "/api/tokens", body)).body;
      expectProblem(await start({ agent: "plain", instructions: SPEAKS }, token), 403, "forbidden");
      expectProblem(await start({ agent: "handy", tools: ["one"] }, token), 403, "forbidden");
    });
  });
});

import type { JsonObject, Run, RunEvent } from "@hsafa/protocol";
import { createClient } from "@hsafa/client";
import { nextRunView, EMPTY_RUN_VIEW } from "@hsafa/client/view";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";

const CITY: JsonObject = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer", minimum: 1 } },
  required: ["city", "days"],
  additionalProperties: false,
};
const UNFIT = { say: '{"city": "Rome", "days": 0}' };
const FIT = { object: { city: "{{user}}", days: 3 } };

const scripted = (name: string, script: unknown, more: object = {}) => ({
  name,
  model: "demo/script",
  outputSchema: CITY,
  settings: { providerOptions: { demo: { script } as JsonObject } },
  ...more,
});

const factsOf = (events: readonly RunEvent[], type: string) => events.filter((event) => event.type === type);

describe.each(GATEWAY_PAIRS)("a run that ends with an object, %s", (_name, openPair, isSkipped) => {
  describe.skipIf(isSkipped)("and its schema", () => {
    let pair: GatewayPair;
    beforeAll(async () => {
      pair = await openPair();
      await pair.a.pushAgent(scripted("fits", [[FIT]]));
      await pair.a.pushAgent(scripted("slow", [[{ ...FIT, chunk: 2, everyMs: 40 }]]));
      await pair.a.pushAgent(scripted("learns", [[UNFIT], [{ say: "Sorry." }], [FIT]]));
      await pair.a.pushAgent(scripted("never", { steps: [[UNFIT]], loop: true }));
      const lookup = { name: "lookup", target: "external" as const, inputSchema: { type: "object" } };
      await pair.a.pushAgent(
        scripted("looks-up", [[{ say: "I look." }, { call: "lookup" }], [FIT]], { tools: [lookup] }),
      );
      await pair.a.pushAgent({
        name: "sample",
        model: "demo/object",
        settings: { providerOptions: { demo: { everyMs: 0 } } },
      });
    });
    afterAll(() => pair.close());

    const run = async (body: object): Promise<Run> => {
      const { runId } = await pair.a.startRun({ input: "Rome", ...body });
      return pair.b.waitForEnd(runId);
    };

    test("the object stands in the run, in its last event, in its stream and in the client's view", async () => {
      const { runId } = await pair.a.startRun({ agent: "slow", input: "Rome" });
      const events = await pair.b.watch(runId);
      const ended = await pair.b.waitForEnd(runId);
      expect(ended).toMatchObject({ status: "completed", output: { city: "Rome", days: 3 } });
      expect(events.at(-1)).toMatchObject({ type: "run.completed", data: { output: { city: "Rome", days: 3 } } });
      const partials: JsonObject[] = [];
      let view = EMPTY_RUN_VIEW;
      for (const event of events) {
        view = nextRunView(view, event);
        if (view.partialOutput?.value) partials.push(view.partialOutput.value);
      }
      expect(view).toMatchObject({ output: { city: "Rome", days: 3 }, partialOutput: null });
      expect(partials.some(({ days }) => days === undefined)).toBe(true);
      expect(partials.at(-1)).toEqual({ city: "Rome", days: 3 });
      const client = createClient({ url: pair.b.url, token: pair.b.apiKey });
      const { output } = await client.runs.wait<{ city: string; days: number }>(ended.id);
      expect(output?.city.length).toBe(4);
    });

    test("an answer that does not fit is repaired in further steps, of which the model is told why", async () => {
      const ended = await run({ agent: "learns" });
      expect(ended).toMatchObject({ status: "completed", steps: 3, output: { city: "Rome", days: 3 } });
      const faults = factsOf(await pair.b.events(ended.id), "step.completed").map(({ data }) =>
        "outputFault" in data ? data.outputFault : null,
      );
      expect(faults).toEqual(["/days must be >= 1", expect.stringContaining("not JSON") as string, null]);
    });

    test("what never fits fails, and says what did not", async () => {
      const ended = await run({ agent: "never" });
      expect(ended).toMatchObject({
        status: "failed",
        steps: 3,
        output: null,
        error: { code: "output_invalid", data: { answers: 3, fault: "/days must be >= 1" } },
      });
      expect(await run({ agent: "never", limits: { maxSteps: 2 } })).toMatchObject({
        error: { code: "output_invalid", data: { answers: 2 } },
      });
    });

    test("tools are called before the object, and no text of theirs is judged", async () => {
      const { runId } = await pair.a.startRun({ agent: "looks-up", input: "Oslo" });
      await pair.b.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const [call] = await pair.b.toolCalls(runId);
      await pair.a.call("POST", `/api/runs/${runId}/tool-results`, { callId: call?.id, result: "warm" });
      expect(await pair.b.waitForEnd(runId)).toMatchObject({ output: { city: "Oslo", days: 3 }, steps: 2 });
    });

    test("a start brings a schema, or one in place of its agent's", async () => {
      const outputSchema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] };
      expect(await run({ agent: "sample", outputSchema })).toMatchObject({ output: { name: "Rome" } });
      expect(await run({ agent: "fits", outputSchema })).toMatchObject({ status: "failed" });
      expect((await run({ agent: "fits" })).output).toEqual({ city: "Rome", days: 3 });
    });

    test("a later run of the thread sees the answer that fitted, and none that was repaired", async () => {
      const threadId = `repaired-${_name}`;
      await run({ agent: "learns", threadId });
      const { body } = await pair.b.call<{ data: { message: { content: unknown } }[] }>(
        "GET",
        `/api/threads/${threadId}/messages`,
      );
      expect(JSON.stringify(body.data)).not.toContain("Sorry");
      expect(body.data).toHaveLength(2);
    });

    test("a schema that no answer can fit is refused at the push and at the start, and nothing is made", async () => {
      for (const [outputSchema, fault] of [
        [{ type: "array" }, /"type": "object"/],
        [{ type: "object", properties: { a: false }, required: ["a"] }, /no object fits it/],
        [{ type: "object", properties: { a: { $ref: "https://example.com/a.json" } } }, /can't resolve reference/],
      ] as const) {
        const config = { ...scripted("refused", [[FIT]]), outputSchema };
        const push = await pair.a.call("POST", "/api/agents", { name: "refused", config });
        expect(expectProblem(push, 422, "invalid_agent_config").errors).toMatchObject([
          { path: "config.outputSchema", message: expect.stringMatching(fault) as string },
        ]);
        const start = await pair.a.call("POST", "/api/runs", { agent: "fits", input: "x", outputSchema });
        expect(expectProblem(start, 400, "invalid_request").errors).toMatchObject([
          { path: "outputSchema", message: expect.stringMatching(fault) as string },
        ]);
      }
      const wrong = await pair.a.call("POST", "/api/runs", { agent: "fits", input: "x", outputSchema: false });
      expectProblem(wrong, 400, "invalid_request");
      expect((await pair.a.call("GET", "/api/agents/refused")).status).toBe(404);
    });

    test("a user's token says nothing of what a run ends with", async () => {
      const body = { scopes: ["runs:write"], agents: ["fits"], subject: "ann" };
      const { token } = (await pair.a.call<{ token: string }>("POST", "/api/tokens", body)).body;
      const start = { agent: "fits", input: "x", outputSchema: CITY };
      expectProblem(await pair.a.call("POST", "/api/runs", start, { credential: token }), 403, "forbidden");
    });
  });
});

/** A model with a window of its own, behind a real gateway: a thread that outgrows it goes on. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { FactEvent } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingServices } from "../services/services.ts";
import { chatChunk, chatEnd } from "../support/fake-provider-server.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { startTwoGateways } from "../support/two-gateways.ts";

const WINDOW_CHARACTERS = 4000;
const requests: { readonly messages: readonly unknown[]; readonly isRefused: boolean }[] = [];
const provider = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const { messages } = JSON.parse(Buffer.concat(parts).toString()) as { messages: unknown[] };
    const isRefused = JSON.stringify(messages).length > WINDOW_CHARACTERS;
    requests.push({ messages, isRefused });
    if (isRefused) {
      const message = "This model's maximum context length is 1000 tokens.";
      response.writeHead(400, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { message, code: "context_length_exceeded" } }));
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(chatChunk({ role: "assistant", content: "y".repeat(900) }) + chatEnd());
  });
});

const providerUrl = (): string => `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1`;

beforeAll(async () => {
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  provider.closeAllConnections();
  provider.close();
});

/** The gateways of a thread: its runs take turns on them. */
interface Fleet {
  readonly gateways: readonly [TestGateway, ...TestGateway[]];
  close(): Promise<void>;
}

const FLEETS: readonly { readonly name: string; readonly isMissing: boolean; readonly open: () => Promise<Fleet> }[] = [
  {
    name: "embedded",
    isMissing: false,
    open: async () => {
      const gateway = await startTestGateway({ env: { OPENAI_COMPATIBLE_BASE_URL: providerUrl() } });
      return { gateways: [gateway], close: () => gateway.close() };
    },
  },
  {
    name: "two gateways on Postgres and Redis",
    isMissing: await missingServices("postgres", "redis"),
    open: async () => {
      const two = await startTwoGateways(() => ({ env: { OPENAI_COMPATIBLE_BASE_URL: providerUrl() } }));
      return { gateways: [two.a, two.b], close: () => two.close() };
    },
  },
];

for (const { name, isMissing, open } of FLEETS) {
  describe.skipIf(isMissing)(`a long thread: ${name}`, () => {
    let fleet: Fleet;
    let gateway: TestGateway;
    beforeAll(async () => {
      fleet = await open();
      [gateway] = fleet.gateways;
    });
    afterAll(() => fleet.close());

    async function talk(agent: string, count: number): Promise<string[]> {
      const runIds: string[] = [];
      for (let index = 0; index < count; index += 1) {
        const turn = fleet.gateways[index % fleet.gateways.length] ?? gateway;
        const { runId } = await turn.startRun({ agent, input: `message ${index}`, threadId: `of-${agent}` });
        expect(await turn.waitForEnd(runId)).toMatchObject({ status: "completed", output: "y".repeat(900) });
        runIds.push(runId);
      }
      return runIds;
    }

    test("every run of a thread that outgrows its model completes, and what was learnt is not forgotten", async () => {
      await gateway.pushAgent({ name: "trims", model: "openai-compatible/small" });
      requests.length = 0;
      const runIds = await talk("trims", 10);
      const facts = (await gateway.events(runIds.at(-1) ?? "")) as FactEvent[];
      expect(facts.find(({ type }) => type === "step.completed")?.data).toMatchObject({
        leftOut: [{ reason: "too_long" }],
      });
      expect(requests.filter(({ isRefused }) => isRefused)).toHaveLength(1);
    });

    test("a thread that is summarised keeps its summary from run to run, and its model is never asked too much", async () => {
      const history = { maxTokens: 700, overflow: "summarize" } as const;
      await gateway.pushAgent({ name: "sums", model: "openai-compatible/small", history });
      requests.length = 0;
      const runIds = await talk("sums", 8);
      expect(requests.filter(({ isRefused }) => isRefused)).toEqual([]);
      const summaries = requests.filter(({ messages }) =>
        JSON.stringify(messages).includes("Answer with the summary alone"),
      );
      expect(summaries.length).toBeGreaterThan(0);
      expect(summaries.length).toBeLessThan(runIds.length);
      expect(JSON.stringify(requests.at(-1)?.messages)).toContain("A summary of the conversation so far");
    });

    test("a config with a history that means nothing is refused with its place", async () => {
      const config = { name: "bad", model: "demo/echo", history: { maxTokens: 0, overflow: "forget" } };
      const answer = await gateway.call<{ errors: { path: string }[] }>("POST", "/api/agents", { name: "bad", config });
      expect(answer.status).toBe(422);
      expect(answer.body.errors.map(({ path }) => path)).toEqual([
        "config.history.maxTokens",
        "config.history.overflow",
      ]);
    });
  });
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, createDevice } from "@hsafa/client";
import { expect, onTestFinished, test } from "vitest";
import { callingAgent } from "../support/device-agent.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

test("a gateway that restarts during a call loses neither the device, nor its result, nor an event of the stream (R6)", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "hsafa-restart-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const start = (port: string): Promise<TestGateway> =>
    startTestGateway({ isEphemeral: false, env: { HSAFA_DATA_DIR: dataDir, PORT: port } });
  const before = await start("0");
  const { url, apiKey } = before;

  let executed = 0;
  const { promise: mayAnswer, resolve: answer } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const read = {
    inputSchema: {},
    async execute() {
      executed += 1;
      begin();
      await mayAnswer;
      return "kept";
    },
  };
  const device = createDevice({ url, token: apiKey, deviceKey: "laptop", tools: { read } });
  onTestFinished(() => device.close());
  await before.pushAgent(callingAgent("restarting", [{ tool: "read" }], [{ device: { key: "laptop" } }]));
  const client = createClient({ url, token: apiKey });
  const { runId } = await client.runs.start({ agent: "restarting", input: "read" });
  const streamed = (async () => {
    const ids: string[] = [];
    for await (const event of client.runs.stream(runId)) if ("id" in event) ids.push(event.id);
    return ids;
  })();
  await begun;
  await before.close();
  expect(device.state.kind).not.toBe("stopped");
  answer();
  const after = await start(new URL(url).port);
  onTestFinished(() => after.close());
  expect(await client.runs.wait(runId)).toMatchObject({ status: "completed", output: "Answers: kept" });
  expect(executed).toBe(1);
  expect(await streamed).toEqual((await after.events(runId)).map(({ id }) => id));
});

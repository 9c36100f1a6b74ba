import { randomUUID } from "node:crypto";
import type { JsonValue } from "@hsafa/protocol";
import { judgeStreamCase } from "./judge-stream-case.ts";
import { RUN_MAX_MS } from "./limits.ts";
import type { LiveGateway } from "./live-gateway.ts";
import { startProgram, type TriedProgram } from "./started-program.ts";
import type { StreamCase } from "./stream-case.ts";
import { openStreamRelay } from "./stream-relay.ts";
import { until } from "./until.ts";

/** Plays a case with a program that follows a run of a live gateway. Returns what was wrong, a sentence each. */
export async function playStreamCase(
  gateway: LiveGateway,
  program: TriedProgram,
  stream: StreamCase,
): Promise<string[]> {
  const agent = `conformance-${randomUUID()}`;
  await gateway.pushAgent({
    name: agent,
    model: "demo/script",
    settings: { providerOptions: { demo: { script: stream.script as JsonValue[] } } },
  });
  const relay = await openStreamRelay({ gatewayUrl: gateway.url, faults: stream.faults ?? [] });
  const runId = await gateway.startRun({ agent, input: "go" });
  const child = startProgram(program, {
    HSAFA_URL: relay.url,
    HSAFA_TOKEN: gateway.credential,
    HSAFA_RUN_ID: runId,
  });
  try {
    const hasEnded = await until(() => (child.hasEnded() ? true : null), RUN_MAX_MS);
    if (hasEnded === null) return [`the program did not end within ${RUN_MAX_MS} ms: ${child.complaints()}`];
    const lines = child
      .output()
      .split("\n")
      .filter((line) => line !== "");
    const record = await gateway.readEvents(runId);
    const faults = judgeStreamCase(stream, { lines, requests: relay.requests, record });
    return faults.length > 0 && child.complaints() !== "" ? [...faults, child.complaints()] : faults;
  } finally {
    await child.stop();
    await relay.close();
  }
}

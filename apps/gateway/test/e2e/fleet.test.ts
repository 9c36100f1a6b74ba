/**
 * Two gateways that share only one Postgres and one Redis. A run is one run, whichever of them starts it, executes it,
 * has its device or is watched.
 */
import { randomUUID } from "node:crypto";
import type { AgentConfigInput, RunEvent } from "@hsafa/protocol";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ofType } from "../support/device-agent.ts";
import { RawDevice } from "../support/raw-device.ts";
import { missingServices } from "../services/services.ts";
import type { TestGateway } from "../support/test-gateway.ts";
import { disagreements, faultsOf, isSettlement, type WatchedRecord } from "../support/watched-record.ts";
import { startTwoGateways, type TwoGateways } from "../support/two-gateways.ts";
import { Watchers } from "../support/watchers.ts";

type ToolInput = NonNullable<AgentConfigInput["tools"]>[number];

/** An agent that talks, calls all these tools at once if there are any, and talks again. */
function agent(name: string, tools: readonly Omit<ToolInput, "inputSchema">[]): AgentConfigInput {
  const talk = [{ think: "Let me see. " }, { repeat: 10, parts: [{ say: "word{{n}} ", everyMs: 2 }] }];
  const calls = tools.map((tool) => ({ call: tool.name, args: { of: "{{user}}" } }));
  const script =
    calls.length === 0
      ? [talk]
      : [
          [...talk, ...calls],
          [...talk, { say: "{{results}}" }],
        ];
  return {
    name,
    model: "demo/script",
    tools: tools.map((tool) => ({ ...tool, inputSchema: { type: "object" } })),
    settings: { providerOptions: { demo: { script } } },
  };
}

const onServer = { name: "compute", server: { type: "function" } } as const;
const onDevice = { name: "read", device: { key: "reader" } };
const outside = { name: "ask", target: "external" } as const;

const KINDS = {
  plain: agent("plain", []),
  server: agent("server", [onServer]),
  device: agent("device", [onDevice]),
  external: agent("external", [outside]),
  mixed: agent("mixed", [onDevice, outside]),
} as const;
type Kind = keyof typeof KINDS;

const RUNS_AT_ONCE = 200;
const STARTS_MAX = 3;

interface CallRow {
  readonly id: string;
  readonly status: string;
  readonly attempt: number;
  readonly source: string | null;
  readonly device_id: string | null;
}

describe.skipIf(await missingServices("postgres", "redis"))("a fleet of two gateways", () => {
  let two: TwoGateways;
  let a: TestGateway;
  let b: TestGateway;
  let postgres: Client;
  let device: RawDevice;
  /** How often the device executed each call. It executes every request that it gets. */
  const executions = new Map<string, number>();
  let watchers: Watchers;

  beforeAll(async () => {
    // The server tool's result names the gateway that executed it.
    two = await startTwoGateways((name) => ({ functions: { compute: async () => `computed on ${name}` } }));
    ({ a, b } = two);
    postgres = new Client({ connectionString: two.databaseUrl });
    await postgres.connect();
    for (const config of Object.values(KINDS)) await a.pushAgent(config);
    device = new RawDevice(`${b.url.replace("http", "ws")}/devices/connect`);
    const tools = [{ name: "read", inputSchema: {} }];
    await device.register({ token: b.apiKey, deviceKey: "reader", tools, maxInFlight: 8 });
    device.socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString("utf8")) as { type: string; callId: string };
      if (message.type !== "tool.call.request") return;
      executions.set(message.callId, (executions.get(message.callId) ?? 0) + 1);
      device.send({ type: "tool.result", callId: message.callId, result: `read for ${message.callId}` });
    });
    watchers = new Watchers();
  });
  afterAll(async () => {
    watchers?.close();
    device?.socket.terminate();
    await postgres?.end();
    await two?.close();
  });

  /**
   * Gives the result of a run's external call through this gateway, when `event` is its dispatch. Resolves with the
   * status, or null for other events.
   */
  async function answerOutside(
    gateway: TestGateway,
    event: RunEvent,
    asked: Map<string, string>,
  ): Promise<number | null> {
    if (event.type === "tool.requested" && event.data.toolName === outside.name)
      asked.set(event.data.callId, event.runId);
    if (event.type !== "tool.dispatched" || !asked.has(event.data.callId)) return null;
    const { callId } = event.data;
    const answer = await gateway.call("POST", `/api/runs/${event.runId}/tool-results`, {
      callId,
      result: `asked for ${callId}`,
    });
    return answer.status;
  }

  /** A gateway that has too much to do asks its client to send the start again, which its key makes safe. */
  async function startSurely(gateway: TestGateway, kind: Kind): Promise<string> {
    const headers = { "idempotency-key": randomUUID() };
    const body = { agent: kind, input: `a ${kind} run` };
    const start = () => gateway.call<{ runId: string }>("POST", "/api/runs", body, { headers });
    let answer = await start();
    for (let tries = 1; answer.status === 503 && tries < STARTS_MAX; tries += 1) answer = await start();
    expect(answer).toMatchObject({ status: 202 });
    return answer.body.runId;
  }

  /** Plays one run that is watched on both gateways. Its external call gets its result through the other gateway. */
  async function play(
    kind: Kind,
    creator: TestGateway,
  ): Promise<{ readonly kind: Kind; readonly runId: string; readonly record: WatchedRecord }> {
    const other = creator === a ? b : a;
    const runId = await startSurely(creator, kind);
    const asked = new Map<string, string>();
    const answers: Promise<number | null>[] = [];
    const onCreator = watchers.open(creator, {
      runId,
      onEvent: (event) => answers.push(answerOutside(other, event, asked)),
    });
    const onOther = watchers.open(other, { runId });
    await Promise.all([onCreator.over, onOther.over]);
    const statuses = (await Promise.all(answers)).filter((status) => status !== null);
    expect(statuses).toEqual(Array.from(asked, () => 202));
    const record = onCreator.events;
    expect([...faultsOf(record), ...faultsOf(onOther.events)], `${kind} run ${runId}`).toEqual([]);
    expect(disagreements({ creator: record, other: onOther.events }), `${kind} run ${runId}`).toEqual([]);
    return { kind, runId, record };
  }

  test("a run on one gateway, with its device and its result on the other, has one record on both (R8)", async () => {
    const { runId, record } = await play("mixed", a);
    expect(record.at(-1)?.type).toBe("run.completed");
    expect(disagreements({ watched: record, stored: await b.events(runId) })).toEqual([]);
    expect(
      ofType(record, "tool.completed")
        .map(({ data }) => data.source)
        .toSorted(),
    ).toEqual(["device", "http"]);
  });

  test(`${RUNS_AT_ONCE} runs at once all end, no event is lost or doubled, and every call is settled once (R6, R7, R8)`, async () => {
    const startedAt = performance.now();
    const kinds = Object.keys(KINDS) as Kind[];
    const played = await Promise.all(
      Array.from({ length: RUNS_AT_ONCE }, (_, i) => play(kinds[i % kinds.length] ?? "plain", i % 2 === 0 ? a : b)),
    );
    const tookMs = performance.now() - startedAt;
    expect(played.filter(({ record }) => record.at(-1)?.type !== "run.completed")).toEqual([]);

    // The store has what was watched. On a busy machine a lease may run out, and then a step is cut short.
    for (const { runId, record } of played) {
      const stored = await b.events(runId);
      expect(faultsOf(stored), `run ${runId}`).toEqual([]);
      expect(disagreements({ watched: record, stored }), `run ${runId}`).toEqual([]);
    }

    // R7: every call is settled once by its facts (`faultsOf`) and by its row. R4: the device executed it once.
    const { rows } = await postgres.query<CallRow>(
      "select id::text, status, attempt, source, device_id::text from tool_calls where run_id = any($1::uuid[])",
      [played.map(({ runId }) => runId)],
    );
    const rowOf = new Map(rows.map((row) => [row.id, row]));
    const settlements = played.flatMap(({ record }) => record.filter(isSettlement));
    expect(settlements).toHaveLength(rows.length);
    const { deviceId } = await device.next("device.registered");
    for (const { type, data } of settlements) {
      const row = rowOf.get(data.callId);
      const source = { compute: "server", read: "device", ask: "http" }[data.toolName];
      const device_id = source === "device" ? deviceId : null;
      expect({ type, row }).toEqual({
        type: "tool.completed",
        row: { id: data.callId, status: "completed", attempt: 1, source, device_id },
      });
      expect(executions.get(data.callId) ?? 0, `executions of ${data.toolName}`).toBe(source === "device" ? 1 : 0);
    }
    expect(settlements).toHaveLength((RUNS_AT_ONCE / kinds.length) * 5);

    // Both gateways executed some runs, as the results of the server tool show.
    const answers = settlements.map((event) => (event.type === "tool.completed" ? event.data.result : null));
    for (const name of ["a", "b"]) expect(answers).toContain(`computed on ${name}`);
    const events = played.reduce((sum, { record }) => sum + record.length, 0);
    console.info(
      `${RUNS_AT_ONCE} runs, ${events} events, each watched twice, ${rows.length} calls, in ${Math.round(tookMs)} ms`,
    );
  });
});

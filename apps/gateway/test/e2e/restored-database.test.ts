/**
 * Postgres goes back in time, and Redis keeps what it had. Nothing of the lost history is shown after that, with
 * gateways that lived through it and with new ones.
 */
import { createClient, createDevice } from "@hsafa/client";
import type { AgentConfigInput, Run, RunEvent } from "@hsafa/protocol";
import { EventSource } from "eventsource";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LossyPostgres } from "../services/lossy-postgres.ts";
import {
  missingServices,
  redisUrl,
  startFailedOverPostgres,
  startPrivateRedis,
  startRestoredPostgres,
} from "../services/services.ts";
import { callingAgent } from "../support/device-agent.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** Asks two people, one after the other, and then says ONE. */
const ASKER: AgentConfigInput = {
  name: "asker",
  model: "demo/script",
  tools: [
    { name: "first", target: "external", inputSchema: { type: "object" } },
    { name: "second", target: "external", inputSchema: { type: "object" } },
  ],
  settings: {
    providerOptions: {
      demo: { script: [[{ call: "first", args: {} }], [{ call: "second", args: {} }], [{ say: "ONE" }]] },
    },
  },
};

const LOST = "what was lost";
const KEPT = "what counts";
const PATIENT = { timeout: 15_000, interval: 25 };

/** A client that has an EventSource, and what a page would make of its events. */
function openPage(gateway: TestGateway, runId: string, lastEventId?: string) {
  const page = { events: [] as RunEvent[], rewound: 0, everything: [] as string[] };
  const source = new EventSource(`${gateway.url}/api/runs/${runId}/stream`, {
    fetch: (input, init) => {
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${gateway.apiKey}`);
      if (lastEventId !== undefined && !headers.has("last-event-id")) headers.set("last-event-id", lastEventId);
      return fetch(input, { ...init, headers });
    },
  });
  source.addEventListener("message", ({ data }) => {
    page.everything.push(String(data));
    const event = JSON.parse(String(data)) as RunEvent | { readonly type: "stream.rewound" };
    if (event.type === "stream.rewound") {
      page.rewound += 1;
      page.events = [];
    } else {
      page.events.push(event);
    }
  });
  const until = (isIt: () => boolean) => vi.waitFor(() => expect(isIt()).toBe(true), PATIENT);
  return { page, source, until, has: (text: string) => page.everything.some((data) => data.includes(text)) };
}

const missing = await missingServices("private-postgres", "private-redis", "redis");

describe.skipIf(missing).each([
  ["that was restored from a copy", startRestoredPostgres],
  ["whose standby took over and lacked the last commits", startFailedOverPostgres],
])("a Postgres %s", (_how, startPostgres) => {
  let postgres: LossyPostgres;
  let gateways: TestGateway[] = [];
  const closers: (() => void)[] = [];

  const startGateway = async (ownRedisUrl?: string): Promise<TestGateway> => {
    const gateway = await startTestGateway({
      databaseUrl: postgres.url,
      redisUrl: ownRedisUrl ?? (await redisUrl()),
      logLevel: "silent",
    });
    gateways.push(gateway);
    return gateway;
  };
  const closeGateways = async (): Promise<void> => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    gateways = [];
  };
  beforeEach(async () => {
    postgres = await startPostgres();
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) close();
    await closeGateways();
    await postgres.remove();
  });

  const pageOf = (...params: Parameters<typeof openPage>) => {
    const opened = openPage(...params);
    closers.push(() => opened.source.close());
    return opened;
  };
  const waits = ({ status }: Run) => status === "waiting_tool";

  async function startWaiting(gateway: TestGateway): Promise<string> {
    const { runId } = await gateway.startRun({ agent: ASKER.name, input: "go" });
    await gateway.waitForRun(runId, waits);
    return runId;
  }

  /** Settles the open call of a run. */
  async function settle(gateway: TestGateway, runId: string, result: string): Promise<void> {
    const open = (await gateway.toolCalls(runId)).find(({ status }) => status === "dispatched");
    const { status } = await gateway.call("POST", `/api/runs/${runId}/tool-results`, { callId: open?.id, result });
    expect(status).toBe(202);
  }

  /** Both calls of the run are settled, so that it says ONE and ends. */
  async function complete(gateway: TestGateway, runId: string, result: string): Promise<void> {
    const settledCalls = async () => (await gateway.toolCalls(runId)).filter(({ status }) => status === "completed");
    for (let settled = (await settledCalls()).length; settled < 2; settled++) {
      const asked = settled + 1;
      await vi.waitFor(async () => expect(await gateway.toolCalls(runId)).toHaveLength(asked), PATIENT);
      await settle(gateway, runId, result);
      await vi.waitFor(async () => expect(await settledCalls()).toHaveLength(asked), PATIENT);
    }
    expect((await gateway.waitForEnd(runId)).output).toBe("ONE");
  }

  const serves = (gateway: TestGateway, runId: string) =>
    vi.waitFor(async () => expect((await gateway.call("GET", `/api/runs/${runId}`)).status).toBe(200), PATIENT);

  /** One run that has ended, and one that has come a step further, since the copy was made. */
  async function playLostHistory(gateway: TestGateway) {
    await gateway.pushAgent(ASKER);
    const ended = await startWaiting(gateway);
    const further = await startWaiting(gateway);
    await postgres.keep();
    const young = await startWaiting(gateway);
    await complete(gateway, ended, LOST);
    await settle(gateway, further, LOST);
    await vi.waitFor(async () => expect(await gateway.toolCalls(further)).toHaveLength(2), PATIENT);
    await gateway.waitForRun(further, waits);
    const events = await gateway.events(ended);
    const end = events.at(-1);
    expect(end?.type).toBe("run.completed");
    return { ended, further, young, end: end?.id ?? "" };
  }

  /** Looks at a run in every way after the restore. Then the run goes on and ends once. */
  async function expectPresentHistory(gateway: TestGateway, runId: string, lostPlace: string): Promise<void> {
    const fresh = pageOf(gateway, runId);
    const former = pageOf(gateway, runId, lostPlace);
    const reader = createClient({ url: gateway.url, token: gateway.apiKey }).runs.stream(runId, { after: lostPlace });
    const read: string[] = [];
    const reading = (async () => {
      for await (const event of reader) read.push("id" in event ? event.id : event.type);
    })();
    await former.until(() => former.page.rewound > 0 && former.page.events.at(-1)?.type === "run.waiting");
    await fresh.until(() => fresh.page.events.at(-1)?.type === "run.waiting");
    expect(await gateway.waitForRun(runId, waits)).toMatchObject({ output: null });

    await complete(gateway, runId, KEPT);
    await reading;
    await vi.waitFor(() => expect([fresh, former].map(({ source }) => source.readyState)).toEqual([2, 2]), PATIENT);
    const record = await gateway.events(runId);
    expect(record.filter(({ type }) => type === "run.completed")).toHaveLength(1);
    for (const { page, has } of [fresh, former]) {
      expect(page.events).toEqual(record);
      expect(has(LOST)).toBe(false);
    }
    // What was rewound once more, because the gateway noticed then, is void.
    expect(read.slice(read.lastIndexOf("stream.rewound") + 1)).toEqual(record.map(({ id }) => id));
    expect(read[0]).toBe("stream.rewound");
  }

  test("gateways that were started anew show nothing that Redis alone holds, and a client from before is told", async () => {
    const before = await startGateway();
    const { ended, further, young, end } = await playLostHistory(before);
    await closeGateways();
    await postgres.goBack();
    const gateway = await startGateway();
    await expectPresentHistory(gateway, ended, end);
    const other = pageOf(gateway, further);
    await other.until(() => other.page.events.at(-1)?.type === "run.waiting");
    expect(other.has(LOST)).toBe(false);
    expect((await gateway.call("GET", `/api/runs/${young}`)).status).toBe(404);
    // A page of the log says it too, and what to do.
    const lost = await gateway.call("GET", `/api/runs/${ended}/events?after=${end}`);
    expect(lost).toMatchObject({ status: 410, body: { code: "position_lost" } });
  });

  test("a run that goes on before anybody looks shows its own history, not what Redis has of the other", async () => {
    const before = await startGateway();
    const { ended, end } = await playLostHistory(before);
    await closeGateways();
    await postgres.goBack();
    const gateway = await startGateway();
    await complete(gateway, ended, KEPT);
    const record = await gateway.events(ended);
    const page = pageOf(gateway, ended);
    const former = pageOf(gateway, ended, end);
    for (const { page: seen, has, until } of [page, former]) {
      await until(() => seen.events.at(-1)?.type === "run.completed");
      expect(seen.events).toEqual(record);
      expect(has(LOST)).toBe(false);
    }
    expect([page.page.rewound, former.page.rewound]).toEqual([0, 1]);
  });

  test("gateways that lived through it show nothing of what they have in memory, and their watchers are told", async () => {
    const [a, b] = [await startGateway(), await startGateway()];
    await a.pushAgent(ASKER);
    const { ended, further, end } = await playLostHistory(a);
    const watching = [pageOf(a, further), pageOf(b, further)];
    for (const { until, has } of watching) await until(() => has(LOST));
    await postgres.goBack();
    await serves(a, ended);
    for (const { page, until } of watching) {
      await until(() => page.rewound > 0 && page.events.at(-1)?.type === "run.waiting");
      expect(JSON.stringify(page.events)).not.toContain(LOST);
    }
    await serves(b, ended);
    await expectPresentHistory(b, ended, end);

    await complete(a, further, KEPT);
    const record = await a.events(further);
    for (const { page, source, until } of watching) {
      await until(() => source.readyState === source.CLOSED);
      expect(page.events).toEqual(record);
    }
  });

  test("an operator who does what the documentation says loses nobody, also where Redis was wiped and nothing else shows it", async () => {
    const redis = await startPrivateRedis();
    try {
      const before = await startGateway(redis.url);
      const { ended, further, end } = await playLostHistory(before);
      const [kept] = (await before.events(further)).filter(({ type }) => type === "step.completed");
      await closeGateways();
      await postgres.goBack();
      await redis.stop();
      await redis.start();
      const [row] = await postgres.ask("select hsafa_new_generation() as tag");
      const gateway = await startGateway(redis.url);
      await expectPresentHistory(gateway, ended, end);
      // What both histories share holds.
      const other = pageOf(gateway, further, kept?.id);
      await other.until(() => other.page.events.at(-1)?.type === "run.waiting");
      expect(other.page.rewound).toBe(0);
      expect(other.page.events.every(({ id }) => id.endsWith(`.${String(row?.tag)}`))).toBe(true);
      const { position } = await gateway.waitForRun(further, waits);
      expect(position).toBe(other.page.events.at(-1)?.id);
    } finally {
      await closeGateways();
      await redis.remove();
    }
  });

  test("a device that did a call in the lost history answers it again, and does not do it again", async () => {
    const gateway = await startGateway();
    await gateway.pushAgent(callingAgent("caller", [{ tool: "read" }], [{ device: { key: "laptop" } }]));
    const { runId } = await gateway.startRun({ agent: "caller", input: "go" });
    await gateway.waitForRun(runId, waits);
    await postgres.keep();
    // The store forgets the device, its connection, and that the call was ever sent.
    let executions = 0;
    const read = { description: "", inputSchema: {}, execute: () => ({ times: (executions += 1) }) };
    const device = createDevice({ url: gateway.url, token: gateway.apiKey, deviceKey: "laptop", tools: { read } });
    closers.push(() => device.close());
    const { output } = await gateway.waitForEnd(runId);
    await postgres.goBack();
    await serves(gateway, runId);
    expect((await gateway.waitForEnd(runId)).output).toBe(output);
    expect(executions).toBe(1);
    expect((await gateway.events(runId)).filter(({ type }) => type === "tool.completed")).toHaveLength(1);
  });

  test("gateways that serve when an operator begins a new generation tell every client", async () => {
    const gateway = await startGateway();
    await gateway.pushAgent(ASKER);
    const runId = await startWaiting(gateway);
    const page = pageOf(gateway, runId);
    await page.until(() => page.page.events.at(-1)?.type === "run.waiting");
    await postgres.ask("select hsafa_new_generation()");
    await page.until(() => page.page.rewound === 1 && page.page.events.at(-1)?.type === "run.waiting");
    await complete(gateway, runId, KEPT);
    await page.until(() => page.source.readyState === page.source.CLOSED);
    expect(page.page.events).toEqual(await gateway.events(runId));
  });
});

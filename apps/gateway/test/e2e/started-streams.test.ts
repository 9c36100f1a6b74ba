import { createClient } from "@hsafa/client";
import type { Problem, Run, RunEvent } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";

const EVENTS = "text/event-stream";

/** What came of a response with server-sent events, to its end. */
async function eventsOf(response: Response): Promise<RunEvent[]> {
  const text = await response.text();
  const lines = text.split("\n").filter((line) => line.startsWith("data: "));
  return lines.map((line) => JSON.parse(line.slice("data: ".length)) as RunEvent);
}

const runIdOf = (response: Response): string => response.headers.get("location")?.split("/").at(-1) ?? "none";

describe.each(GATEWAY_PAIRS)("a start answered with its events, %s", (_name, openPair, isSkipped) => {
  describe.skipIf(isSkipped)("on one response", () => {
    let pair: GatewayPair;
    beforeAll(async () => {
      pair = await openPair();
      await pair.a.pushAgent({ name: "echo", model: "demo/echo" });
      await pair.a.pushAgent({
        name: "slow",
        model: "demo/script",
        settings: {
          providerOptions: { demo: { script: [[{ repeat: 60, parts: [{ say: "w{{n}} ", everyMs: 10 }] }]] } },
        },
      });
    });
    afterAll(() => pair.close());

    const post = (body: object, headers: Record<string, string> = {}, path = "/api/runs"): Promise<Response> =>
      fetch(pair.a.url + path, {
        method: "POST",
        headers: {
          authorization: `Bearer ${pair.a.apiKey}`,
          "content-type": "application/json",
          accept: EVENTS,
          ...headers,
        },
        body: JSON.stringify(body),
      });
    const countRuns = async (): Promise<number> =>
      (await pair.a.call<{ data: readonly Run[] }>("GET", "/api/runs?limit=100")).body.data.length;

    test("brings every event once and in order, and names the run", async () => {
      const response = await post({ agent: "slow", input: "go" });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe(EVENTS);
      expect(response.headers.get("cache-control")).toContain("no-cache");
      const events = await eventsOf(response);
      expect(events.map(({ id }) => id)).toEqual((await pair.b.watch(runIdOf(response))).map(({ id }) => id));
      expect(events.at(0)).toMatchObject({ type: "run.created", runId: runIdOf(response) });
      expect(events.at(-1)).toMatchObject({ type: "run.completed" });
    });

    test("counts in the metrics until it began, so that a long run makes no start slow", async () => {
      const startedMs = async (): Promise<number> => {
        const metrics = await fetch(`${pair.a.url}/metrics`, { headers: { authorization: `Bearer ${pair.a.apiKey}` } });
        const sum = /^hsafa_http_request_duration_seconds_sum\{method="POST",route="\/api\/runs"\} (\S+)$/m;
        return 1000 * Number(sum.exec(await metrics.text())?.[1]);
      };
      const before = await startedMs();
      const askedAt = performance.now();
      const response = await post({ agent: "slow", input: "go" });
      const beganAt = performance.now();
      await eventsOf(response);
      const lastedMs = performance.now() - beganAt;
      expect(lastedMs).toBeGreaterThan(300);
      expect((await startedMs()) - before).toBeLessThan(beganAt - askedAt + lastedMs / 2);
    });

    test("under a key that was used brings the events of the first run, from the first one", async () => {
      const key = { "idempotency-key": `key-${_name}` };
      const first = await post({ agent: "echo", input: "once" }, key);
      const seen = await eventsOf(first);
      const before = await countRuns();
      const again = await post({ agent: "echo", input: "once" }, key);
      expect(again.status).toBe(200);
      expect(runIdOf(again)).toBe(runIdOf(first));
      const repeated = await eventsOf(again);
      expect(repeated.filter(({ id }) => id.endsWith("-0")).map(({ id }) => id)).toEqual(
        seen.filter(({ id }) => id.endsWith("-0")).map(({ id }) => id),
      );
      expect(await countRuns()).toBe(before);
    });

    test("goes on when who started it leaves", async () => {
      const controller = new AbortController();
      const response = await fetch(`${pair.a.url}/api/runs`, {
        method: "POST",
        headers: { authorization: `Bearer ${pair.a.apiKey}`, "content-type": "application/json", accept: EVENTS },
        body: JSON.stringify({ agent: "slow", input: "go" }),
        signal: controller.signal,
      });
      controller.abort();
      expect(await pair.b.waitForEnd(runIdOf(response))).toMatchObject({ status: "completed" });
    });

    test("is for those who accept events alone: others are answered as ever", async () => {
      for (const accept of ["application/json, text/event-stream", "*/*", "text/event-stream, */*"]) {
        const response = await post({ agent: "echo", input: "x" }, { accept });
        expect(response.status).toBe(202);
        expect(await response.json()).toMatchObject({ status: "queued", runId: runIdOf(response) });
      }
    });

    test("is of a fork, too", async () => {
      const first = await post({ agent: "echo", input: "x" });
      const [created] = await eventsOf(first);
      const fork = { position: created?.id, input: "y" };
      const response = await post(fork, {}, `/api/runs/${runIdOf(first)}/fork`);
      expect(response.status).toBe(200);
      expect((await eventsOf(response)).at(-1)).toMatchObject({ type: "run.completed", runId: runIdOf(response) });
    });

    test("needs the right to read, without which nothing is started", async () => {
      const made = await pair.a.call<{ token: string }>("POST", "/api/tokens", {
        scopes: ["runs:start"],
        agents: ["echo"],
        subject: "user",
      });
      const before = await countRuns();
      const response = await post({ agent: "echo", input: "x" }, { authorization: `Bearer ${made.body.token}` });
      expect(response.status).toBe(403);
      const { code, detail } = (await response.json()) as Problem;
      expect(code).toBe("forbidden");
      expect(detail).toContain("runs:read");
      expect(await countRuns()).toBe(before);
    });

    test("serves a user who may read the own runs", async () => {
      const made = await pair.a.call<{ token: string }>("POST", "/api/tokens", {
        scopes: ["runs:start", "runs:read"],
        agents: ["echo"],
        subject: "user",
      });
      const response = await post({ agent: "echo", input: "x" }, { authorization: `Bearer ${made.body.token}` });
      expect((await eventsOf(response)).at(-1)).toMatchObject({ type: "run.completed" });
    });

    test("refuses what cannot be started with a problem", async () => {
      const response = await post({ agent: "nobody", input: "x" });
      expect(response.status).toBe(404);
      expect(response.headers.get("content-type")).toContain("application/problem+json");
      expect(await response.json()).toMatchObject({ code: "not_found" });
    });

    test("is what the client of hsafa reads", async () => {
      const client = createClient({ url: pair.a.url, token: pair.a.apiKey });
      const types: string[] = [];
      for await (const event of client.runs.startAndStream({ agent: "echo", input: "hello" })) types.push(event.type);
      expect(types.at(0)).toBe("run.created");
      expect(types.at(-1)).toBe("run.completed");
    });
  });
});

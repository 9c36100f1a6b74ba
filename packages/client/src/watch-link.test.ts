import type { RunEvent, WatchAnswer, WatchMessage } from "@hsafa/protocol";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { type FakeWatchConnection, startFakeWatchServer } from "../test/fake-watch-server.ts";
import { json, problem, startFakeGateway } from "../test/fake-gateway.ts";
import { type Client, createClient } from "./client.ts";
import { ATTEMPTS_MAX, WATCH_TOPICS_MAX } from "./limits.ts";

const event = (runId: string, id: string, type = "text.delta"): RunEvent =>
  ({ id, prev: "0-0", runId, ts: "2026-11-01T00:00:00.000Z", type, data: {} }) as unknown as RunEvent;

/** Lets everybody in, and hands subscriptions to the test. */
const admitting =
  (subscribed: (message: Extract<WatchMessage, { type: "subscribe" }>, to: FakeWatchConnection) => void) =>
  (message: WatchMessage, connection: FakeWatchConnection): void => {
    if (message.type === "auth") connection.say({ type: "authenticated" });
    if (message.type === "ping") connection.say({ type: "pong" });
    if (message.type === "subscribe") subscribed(message, connection);
  };

const clientOf = (url: string, token: string | (() => string) = "key") =>
  createClient({ url, token, transport: "watch", WebSocket });

async function idsOf(events: AsyncIterable<object>): Promise<string[]> {
  const ids: string[] = [];
  for await (const one of events) ids.push("id" in one ? String(one.id) : "");
  return ids;
}

test("all streams of a client share one connection, and each gets what is its own", async () => {
  const { url, connections } = await startFakeWatchServer(
    admitting(({ runId = "" }, to) => {
      to.say({ type: "subscribed", runId });
      to.say(event(runId, "1-0"));
      to.say(event(runId, "2-0", "run.completed"));
      to.say({ type: "ended", runId });
    }),
  );
  const client = clientOf(url);
  const runIds = Array.from({ length: 20 }, (_, index) => `run-${index}`);
  const seen = await Promise.all(runIds.map((runId) => idsOf(client.runs.stream(runId))));
  expect(seen).toEqual(runIds.map(() => ["1-0", "2-0"]));
  expect(connections).toHaveLength(1);
  expect(connections[0]?.received[0]).toEqual({ type: "auth", token: "key" });
});

test("a connection that is lost is opened anew, and each stream goes on after its last event", async () => {
  const asked: string[] = [];
  const { url, connections } = await startFakeWatchServer(
    admitting(({ runId = "", after }, to) => {
      asked.push(`${runId} after ${after ?? "nothing"}`);
      if (after === undefined) {
        to.say(event(runId, "1-0"));
        if (runId === "b") setTimeout(() => to.socket.terminate(), 20);
      } else {
        to.say(event(runId, "2-0", "run.completed"));
      }
    }),
  );
  const client = clientOf(url);
  const seen = await Promise.all(["a", "b"].map((runId) => idsOf(client.runs.stream(runId))));
  expect(seen).toEqual([
    ["1-0", "2-0"],
    ["1-0", "2-0"],
  ]);
  expect(connections).toHaveLength(2);
  expect(new Set(asked)).toEqual(new Set(["a after 1-0", "a after nothing", "b after 1-0", "b after nothing"]));
});

test("a second stream of one run, and the hundred-and-first, get a connection of their own", async () => {
  const { url, connections } = await startFakeWatchServer(admitting(() => {}));
  const client = clientOf(url);
  const stop = new AbortController();
  const runIds = [...Array.from({ length: WATCH_TOPICS_MAX + 1 }, (_, index) => `run-${index}`), "run-0"];
  const reading = runIds.map((runId) => idsOf(client.runs.stream(runId, { signal: stop.signal })));
  const countOf = (index: number): number =>
    connections[index]?.received.filter(({ type }) => type === "subscribe").length ?? 0;
  await vi.waitFor(() => expect([countOf(0), countOf(1)]).toEqual([WATCH_TOPICS_MAX, 2]));
  stop.abort();
  expect((await Promise.allSettled(reading)).every(({ status }) => status === "rejected")).toBe(true);
});

test("a token that was refused is replaced once, and a key that was refused is final", async () => {
  const answer = (message: WatchMessage, to: FakeWatchConnection): void => {
    if (message.type === "auth" && message.token === "old") to.socket.close(4401);
    else if (message.type === "auth") to.say({ type: "authenticated" });
    if (message.type === "subscribe") to.say(event(message.runId ?? "", "1-0", "run.completed"));
  };
  const { url } = await startFakeWatchServer(answer);
  const tokens = ["old", "new"];
  expect(await idsOf(clientOf(url, () => tokens.shift() ?? "").runs.stream("run-1"))).toEqual(["1-0"]);
  await expect(idsOf(clientOf(url, "old").runs.stream("run-1"))).rejects.toMatchObject({ status: 401 });
});

test("a run that the gateway refuses ends its own stream alone; one that is away is asked for again", async () => {
  let isAway = true;
  const { url, connections } = await startFakeWatchServer(
    admitting(({ runId = "" }, to) => {
      const code = runId === "foreign" ? "not_found" : isAway ? "unavailable" : null;
      if (runId !== "foreign") isAway = false;
      const refusal = { type: "error", runId, code: code ?? "", message: "no" } satisfies WatchAnswer;
      to.say(code === null ? event(runId, "1-0", "run.completed") : refusal);
    }),
  );
  const client = clientOf(url);
  const [foreign, mine] = await Promise.allSettled(["foreign", "mine"].map((id) => idsOf(client.runs.stream(id))));
  expect(foreign).toMatchObject({ status: "rejected", reason: { code: "not_found", status: 404 } });
  expect(mine).toEqual({ status: "fulfilled", value: ["1-0"] });
  expect(connections).toHaveLength(1);
});

/** A gateway behind something that lets no WebSocket pass: it tells the newest run of a thread, and streams a run. */
const withoutSocket = (newest: readonly string[]) => {
  let asked = 0;
  return startFakeGateway((request, response) => {
    if (request.url?.endsWith("/stream") === true) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`id: 1-0\ndata: ${JSON.stringify(event("run-1", "1-0", "run.completed"))}\n\n`);
      return;
    }
    if (request.url === "/api/watch") {
      response.writeHead(404).end();
      return;
    }
    const id = newest[Math.min(asked, newest.length - 1)];
    asked += 1;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ data: id === undefined ? [] : [{ id }], nextCursor: null }));
  });
};

describe("where no WebSocket opens", () => {
  // The pauses between two questions are seconds.
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout"] }));
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  /** Watches a thread until this run is told. */
  async function toldUntil(client: Client, last: string): Promise<string[]> {
    const told: string[] = [];
    const watching = (async (): Promise<true> => {
      for await (const { runId } of client.threads.watch("inbox")) {
        told.push(runId);
        if (runId === last) break;
      }
      return true;
    })();
    const passTime = async (): Promise<false> => {
      await vi.advanceTimersByTimeAsync(100);
      await new Promise(setImmediate);
      return false;
    };
    while (!(await Promise.race([watching, passTime()])));
    return told;
  }

  test("a run is read by its event stream", async () => {
    const gateway = await withoutSocket([]);
    expect(await idsOf(clientOf(gateway.url).runs.stream("run-1"))).toEqual(["1-0"]);
    vi.stubGlobal("WebSocket", undefined);
    const client = createClient({ url: gateway.url, token: "key", transport: "watch" });
    expect(await idsOf(client.runs.stream("run-1"))).toEqual(["1-0"]);
  });

  test.each([
    ["since something on the way lets none pass", WebSocket],
    ["since there is none, as in Node 20", undefined],
    ["since none is to be opened, as with the session of a page", null],
  ])("the newest run of a thread is asked for, and none is told twice: %s", async (_why, constructor) => {
    if (constructor === undefined) vi.stubGlobal("WebSocket", undefined);
    const gateway = await withoutSocket(["r1", "r1", "r2"]);
    const client = createClient({
      url: gateway.url,
      token: "key",
      ...(constructor !== undefined && { WebSocket: constructor }),
    });
    expect(await toldUntil(client, "r2")).toEqual(["r1", "r2"]);
    expect(constructor === null && gateway.requests.some(({ url }) => url === "/api/watch")).toBe(false);
    const asked = gateway.requests.filter(({ url }) => url !== "/api/watch");
    expect(asked.map(({ url }) => url)).toEqual(Array(3).fill("/api/runs?threadId=inbox&limit=1"));
  });

  test("a gateway that is away is asked again, and one that refuses ends the watching", async () => {
    vi.stubGlobal("WebSocket", undefined);
    let asked = 0;
    const gateway = await startFakeGateway((_request, response) => {
      asked += 1;
      if (asked <= ATTEMPTS_MAX) response.destroy();
      else if (asked === ATTEMPTS_MAX + 1)
        json(200, { data: [{ id: "r1" }], nextCursor: null })(_request, response, "");
      else problem(404, "not_found")(_request, response, "");
    });
    const client = createClient({ url: gateway.url, token: "key" });
    await expect(toldUntil(client, "never")).rejects.toMatchObject({ code: "not_found" });
    expect(asked).toBe(ATTEMPTS_MAX + 2);
  });
});

test("the newest run of a thread is told, over as many connections as it takes, and none twice in a row", async () => {
  const newest = ["r1", "r1", "r2"];
  const { url } = await startFakeWatchServer(
    admitting(({ threadId = "" }, to) => {
      to.say({ type: "subscribed", threadId });
      to.say({ type: "thread.run", threadId, runId: newest.shift() ?? "r2" });
      to.socket.close(1012);
    }),
  );
  const told: string[] = [];
  for await (const { runId } of clientOf(url).threads.watch("inbox")) {
    told.push(runId);
    if (runId === "r2") break;
  }
  expect(told).toEqual(["r1", "r2"]);
});

test("a connection that nobody reads any more is closed, also one whose readers left before it was open", async () => {
  const waiting: FakeWatchConnection[] = [];
  const { url, connections } = await startFakeWatchServer((message, connection) => {
    if (message.type === "auth") waiting.push(connection);
  });
  const stop = new AbortController();
  const reading = idsOf(clientOf(url).runs.stream("run-1", { signal: stop.signal }));
  await vi.waitFor(() => expect(waiting).toHaveLength(1));
  stop.abort();
  await expect(reading).rejects.toThrow("abort");
  const closed = new Promise((resolve) => connections[0]?.socket.on("close", resolve));
  waiting[0]?.say({ type: "authenticated" });
  await closed;
  expect(connections).toHaveLength(1);
});

import type { ServerResponse } from "node:http";
import { STREAM_HEARTBEAT_MS } from "@hsafa/protocol";
import { expect, onTestFinished, test, vi } from "vitest";
import { type FakeGateway, type Handler, problem, startFakeGateway } from "../test/fake-gateway.ts";
import { createConnection } from "./connection.ts";
import { HsafaError } from "./error.ts";
import { type RunStreamParams, streamRun } from "./run-stream.ts";
import type { RunStreamEvent } from "./run-stream-transport.ts";

function watch(
  gateway: FakeGateway,
  params: Partial<RunStreamParams> = {},
): AsyncGenerator<RunStreamEvent, void, undefined> {
  const connection = createConnection({ url: gateway.url, token: "key" });
  return streamRun(connection, { runId: "run-1", transport: "sse", random: () => 0, ...params });
}

async function idsOf(events: AsyncIterable<RunStreamEvent>): Promise<string[]> {
  const ids: string[] = [];
  for await (const event of events) ids.push("id" in event ? event.id : event.type);
  return ids;
}

function eventText(id: string, type = "text.delta"): string {
  return `id: ${id}\ndata: ${JSON.stringify({ id, runId: "run-1", type, ts: "2026-11-01T00:00:00.000Z", data: {} })}\n\n`;
}

function begin(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { "content-type": "text/event-stream" });
}

/** Says this much of the stream and then ends it: cleanly, by a reset, or not at all. */
function says(text: string, then: "end" | "reset" | "silence" = "end"): Handler {
  return (_request, response) => {
    begin(response).write(text, () => {
      if (then === "end") response.end();
      if (then === "reset") response.destroy();
    });
  };
}

const END = eventText("9-0", "run.completed");

test("a stream cut in the middle of an event resumes after the last whole one, over as many connections as it takes", async () => {
  const gateway = await startFakeGateway(
    says(eventText("1-0") + eventText("2-0") + eventText("2-1").slice(0, 20), "reset"),
    says(eventText("2-1") + eventText("2-2"), "end"),
    says(eventText("3-0") + END),
  );
  expect(await idsOf(watch(gateway))).toEqual(["1-0", "2-0", "2-1", "2-2", "3-0", "9-0"]);
  expect(gateway.requests.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "2-0", "2-2"]);
});

test("a stream begins after a given position, and with the first event without one", async () => {
  const gateway = await startFakeGateway(says(END));
  await idsOf(watch(gateway, { after: "8-3" }));
  expect(gateway.requests[0]).toMatchObject({
    url: "/api/runs/run-1/stream",
    headers: { "last-event-id": "8-3", authorization: "Bearer key" },
  });
});

test("an event that the server repeats is yielded once", async () => {
  const gateway = await startFakeGateway(
    says(eventText("1-0") + eventText("2-0")),
    says(eventText("1-0") + eventText("2-0") + eventText("2-1") + END),
  );
  expect(await idsOf(watch(gateway))).toEqual(["1-0", "2-0", "2-1", "9-0"]);
});

test("an open connection that says nothing is given up", async () => {
  const gateway = await startFakeGateway(says(eventText("1-0"), "silence"), says(END));
  expect(await idsOf(watch(gateway, { silenceMs: 50 }))).toEqual(["1-0", "9-0"]);
});

test("comments keep a quiet stream alive", async () => {
  const quiet: Handler = (_request, response) => {
    begin(response);
    let comments = 0;
    const timer = setInterval(() => {
      comments += 1;
      if (comments < 6) {
        response.write(": \n\n");
        return;
      }
      clearInterval(timer);
      response.end(END);
    }, 40);
  };
  const gateway = await startFakeGateway(quiet);
  expect(await idsOf(watch(gateway, { silenceMs: 200 }))).toEqual(["9-0"]);
  expect(gateway.requests).toHaveLength(1);
});

test("a stream ends after the terminal event although the server keeps the response open, and asks nothing more", async () => {
  const gateway = await startFakeGateway(says(END, "silence"));
  expect(await idsOf(watch(gateway))).toEqual(["9-0"]);
  expect(gateway.requests).toHaveLength(1);
});

test("a response 204 ends a stream, since nothing follows", async () => {
  const gateway = await startFakeGateway((_request, response) => response.writeHead(204).end());
  expect(await idsOf(watch(gateway, { after: "9-0" }))).toEqual([]);
});

test("progress of a tool is yielded and moves no position", async () => {
  const progress = `data: ${JSON.stringify({ runId: "run-1", type: "tool.progress", ts: "t", data: {} })}\n\n`;
  const gateway = await startFakeGateway(says(eventText("1-0") + progress), says(END));
  expect(await idsOf(watch(gateway))).toEqual(["1-0", "tool.progress", "9-0"]);
  expect(gateway.requests[1]?.headers["last-event-id"]).toBe("1-0");
});

test("a stream of a store that has gone back says so, and yields everything anew from the first event", async () => {
  const rewound = `data: ${JSON.stringify({ runId: "run-1", type: "stream.rewound", ts: "t", data: { after: "7-0" } })}\n\n`;
  const gateway = await startFakeGateway(
    says(eventText("7-0")),
    says(rewound + eventText("1-0.0badcafe"), "reset"),
    says(eventText("2-0.0badcafe") + eventText("3-0.0badcafe", "run.completed")),
  );
  expect(await idsOf(watch(gateway, { after: "6-0" }))).toEqual([
    "7-0",
    "stream.rewound",
    "1-0.0badcafe",
    "2-0.0badcafe",
    "3-0.0badcafe",
  ]);
  expect(gateway.requests.map(({ headers }) => headers["last-event-id"])).toEqual(["6-0", "7-0", "1-0.0badcafe"]);
});

test("a stream that is cut just after it was rewound begins with the first event, and says it once", async () => {
  const rewound = `data: ${JSON.stringify({ runId: "run-1", type: "stream.rewound", ts: "t", data: { after: "7-0" } })}\n\n`;
  const gateway = await startFakeGateway(says(rewound, "reset"), says(END));
  expect(await idsOf(watch(gateway, { after: "7-0" }))).toEqual(["stream.rewound", "9-0"]);
  expect(gateway.requests[1]?.headers["last-event-id"]).toBeUndefined();
});

test("positions of another generation that still hold go on without a word", async () => {
  const gateway = await startFakeGateway(says(eventText("1-0")), says(eventText("2-0.0badcafe") + END));
  expect(await idsOf(watch(gateway))).toEqual(["1-0", "2-0.0badcafe", "9-0"]);
});

test("a gateway that is away for a while is waited for", async () => {
  const gateway = await startFakeGateway(
    problem(503, "unavailable"),
    (_request, response) => response.destroy(),
    says(END),
  );
  expect(await idsOf(watch(gateway))).toEqual(["9-0"]);
});

test("each cut is reported, so that a page can say that the stream is coming back", async () => {
  const gateway = await startFakeGateway(problem(503, "unavailable"), says(eventText("1-0"), "reset"), says(END));
  const cuts: unknown[] = [];
  await idsOf(watch(gateway, { onCut: ({ failures, delayMs }) => cuts.push({ failures, delayMs }) }));
  expect(cuts).toEqual([
    { failures: 1, delayMs: 125 },
    { failures: 1, delayMs: 125 },
  ]);
});

test("a page that is no event stream is not asked for again and again", async () => {
  const gateway = await startFakeGateway((_request, response) =>
    response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  );
  await expect(idsOf(watch(gateway))).rejects.toMatchObject({ code: "unexpected_response", status: 200 });
  expect(gateway.requests).toHaveLength(1);
});

test.each([
  [404, "not_found"],
  [403, "forbidden"],
  [400, "invalid_position"],
])("a refusal with status %i ends a stream with the refusal's code", async (status, code) => {
  const gateway = await startFakeGateway(problem(status, code));
  const error: unknown = await idsOf(watch(gateway)).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(HsafaError);
  expect(error).toMatchObject({ status, code, message: `because of ${code}` });
  expect(gateway.requests).toHaveLength(1);
});

test("a token that has expired is replaced by a new one, which is asked for once", async () => {
  const gateway = await startFakeGateway(says(eventText("1-0")), problem(401, "unauthenticated"), says(END));
  let asked = 0;
  const token = (): string => `token-${(asked += 1)}`;
  const connection = createConnection({ url: gateway.url, token });
  expect(await idsOf(streamRun(connection, { runId: "run-1", transport: "sse", random: () => 0 }))).toEqual([
    "1-0",
    "9-0",
  ]);
  expect(gateway.requests.map(({ headers }) => headers.authorization)).toEqual([
    "Bearer token-1",
    "Bearer token-1",
    "Bearer token-2",
  ]);
});

test.each([
  ["while it reads", "silence", 1],
  ["while it waits", "end", 2],
] as const)("an aborted signal ends a stream by its reason %s", async (_when, then, requests) => {
  const gateway = await startFakeGateway(
    says(eventText("1-0"), then),
    problem(503, "unavailable", { "retry-after": "60" }),
  );
  const controller = new AbortController();
  const reason = new Error("enough");
  const events = watch(gateway, { signal: controller.signal });
  await events.next();
  const next = events.next();
  await expect.poll(() => gateway.requests.length).toBe(requests);
  controller.abort(reason);
  await expect(next).rejects.toBe(reason);
});

test("leaving the loop closes the connection of a stream", async () => {
  let closed = false;
  const gateway = await startFakeGateway((_request, response) => {
    response.on("close", () => {
      closed = true;
    });
    begin(response).write(eventText("1-0"));
  });
  for await (const first of watch(gateway)) {
    expect(first).toMatchObject({ id: "1-0" });
    break;
  }
  await expect.poll(() => closed).toBe(true);
});

test("a stream on a dead line is given up within 20 s, and one that says still here is kept", async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let say: (text: string) => void = () => {};
  const fetch = (_url: unknown, init?: RequestInit): Promise<Response> => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        say = (text) => controller.enqueue(new TextEncoder().encode(text));
        init?.signal?.addEventListener("abort", () => controller.error(new Error("aborted")));
      },
    });
    return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
  };
  const connection = createConnection({ url: "http://g", token: "key", fetch });
  const cuts: number[] = [];
  const stop = new AbortController();
  const events = streamRun(connection, {
    runId: "run-1",
    transport: "sse",
    signal: stop.signal,
    onCut: () => cuts.push(Date.now()),
  });
  const reading = idsOf(events).catch(() => []);
  await vi.advanceTimersByTimeAsync(0);
  for (let heartbeats = 0; heartbeats < 20; heartbeats += 1) {
    say(": still here\n\n");
    await vi.advanceTimersByTimeAsync(STREAM_HEARTBEAT_MS);
  }
  expect(cuts).toEqual([]);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(cuts).toHaveLength(1);
  stop.abort();
  await vi.advanceTimersByTimeAsync(0);
  await reading;
});

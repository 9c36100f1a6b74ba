import { expect, test } from "vitest";
import { type Handler, json, problem, startClient } from "../test/fake-gateway.ts";
import type { Client } from "./client.ts";
import { HsafaError } from "./error.ts";
import type { RunStreamEvent } from "./run-stream-transport.ts";

const vanish: Handler = (_request, response) => response.destroy();
const asJson = json(202, { runId: "run-1", status: "queued" }, { location: "/api/runs/run-1" });

function eventText(id: string, type = "text.delta"): string {
  return `id: ${id}\ndata: ${JSON.stringify({ id, runId: "run-1", type, ts: "2026-11-01T00:00:00.000Z", data: {} })}\n\n`;
}

const END = eventText("9-0", "run.completed");

/** Says this much of the events, and ends the response or resets it. */
function says(text: string, then: "end" | "reset" = "end"): Handler {
  return (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", location: "/api/runs/run-1" });
    response.write(text, () => (then === "end" ? response.end() : response.destroy()));
  };
}

async function idsOf(events: AsyncIterable<RunStreamEvent>): Promise<string[]> {
  const ids: string[] = [];
  for await (const event of events) ids.push("id" in event ? event.id : event.type);
  return ids;
}

const start = (client: Client, more: object = {}): AsyncGenerator<RunStreamEvent, void, undefined> =>
  client.runs.startAndStream({ agent: "a", input: "hi", ...more });

test("the events of a start come in its own response, and nothing else is asked", async () => {
  const { client, gateway } = await startClient(says(eventText("1-0") + END));
  expect(await idsOf(start(client))).toEqual(["1-0", "9-0"]);
  expect(gateway.requests).toHaveLength(1);
  expect(gateway.requests[0]).toMatchObject({
    method: "POST",
    url: "/api/runs",
    body: '{"agent":"a","input":"hi"}',
    headers: { accept: "text/event-stream", authorization: "Bearer key" },
  });
});

test("a start whose response was lost is sent again under the same key, so that there is one run", async () => {
  const { client, gateway } = await startClient(vanish, problem(503, "unavailable"), says(END));
  expect(await idsOf(start(client))).toEqual(["9-0"]);
  const keys = gateway.requests.map(({ headers }) => headers["idempotency-key"]);
  expect(keys[0]).toMatch(/^.{16,}$/);
  expect(keys).toEqual([keys[0], keys[0], keys[0]]);
});

test("a stream of a start that was cut goes on after its last event, and starts nothing again", async () => {
  const { client, gateway } = await startClient(
    says(eventText("1-0") + eventText("2-0") + eventText("2-1").slice(0, 20), "reset"),
    says(eventText("2-1") + END),
  );
  expect(await idsOf(start(client, { idempotencyKey: "order-7" }))).toEqual(["1-0", "2-0", "2-1", "9-0"]);
  expect(gateway.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "POST /api/runs",
    "GET /api/runs/run-1/stream",
  ]);
  expect(gateway.requests[0]?.headers["idempotency-key"]).toBe("order-7");
  expect(gateway.requests[1]?.headers["last-event-id"]).toBe("2-0");
});

test("a gateway that has no place for a watcher has started the run, which is followed elsewhere", async () => {
  const { client, gateway } = await startClient(asJson, says(END));
  expect(await idsOf(start(client))).toEqual(["9-0"]);
  expect(gateway.requests[1]).toMatchObject({ method: "GET", url: "/api/runs/run-1/stream" });
});

test("the answer of a start that brings no events is let go, so that it holds no connection for as long as the run", async () => {
  let letGo = (): void => {};
  const isLetGo = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const { client } = await startClient(
    (_request, response) => {
      response.on("close", letGo);
      response.writeHead(202, { "content-type": "application/json", location: "/api/runs/run-1" }).write("{");
    },
    (...call) => void isLetGo.then(() => says(END)(...call)),
  );
  expect(await idsOf(start(client))).toEqual(["9-0"]);
});

test("a refused start is thrown as it is, and nothing is asked again", async () => {
  const { client, gateway } = await startClient(problem(403, "forbidden"));
  const error = await idsOf(start(client)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HsafaError);
  expect(error).toMatchObject({ status: 403, code: "forbidden" });
  expect(gateway.requests).toHaveLength(1);
});

test("a response that names no run is not hsafa's", async () => {
  const { client } = await startClient((_request, response) => response.writeHead(200).end("<html>hello</html>"));
  await expect(idsOf(start(client))).rejects.toMatchObject({ code: "unexpected_response", status: 200 });
});

test("a start that is aborted throws the reason of its signal, before and after the response", async () => {
  const { client } = await startClient((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", location: "/api/runs/run-1" });
    response.write(eventText("1-0"));
  });
  const reason = new Error("enough");
  const isOver = AbortSignal.abort(reason);
  await expect(idsOf(client.runs.startAndStream({ agent: "a", input: "x" }, { signal: isOver }))).rejects.toBe(reason);
  const controller = new AbortController();
  const events = client.runs.startAndStream({ agent: "a", input: "x" }, { signal: controller.signal });
  await events.next();
  controller.abort(reason);
  await expect(events.next()).rejects.toBe(reason);
});

test("leaving the loop closes the connection, so that no watcher stays behind", async () => {
  let closed = (): void => {};
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { client } = await startClient((_request, response) => {
    response.on("close", closed);
    response.writeHead(200, { "content-type": "text/event-stream", location: "/api/runs/run-1" });
    response.write(eventText("1-0"));
  });
  for await (const event of start(client)) {
    expect(event).toMatchObject({ runId: "run-1" });
    break;
  }
  await isClosed;
});

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { RunEvent, WatchAnswer, WatchMessage } from "@hsafa/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { disagreements, faultsOf } from "../support/watched-record.ts";
import { openWatchSocket, type WatchSocket } from "./watch-socket.ts";

/** The gateway's side of one connection. */
interface Connection {
  readonly socket: WebSocket;
  say(...answers: readonly (WatchAnswer | RunEvent)[]): void;
}

/**
 * Starts a gateway that admits every client. Each script handles the subscriptions of one connection, in the order of
 * the connections.
 */
async function client(
  ...scripts: readonly ((connection: Connection, asked: Extract<WatchMessage, { type: "subscribe" }>) => void)[]
): Promise<{ readonly watch: WatchSocket; readonly asked: (string | undefined)[] }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", autoPong: false });
  const asked: (string | undefined)[] = [];
  let connections = 0;
  server.on("connection", (socket) => {
    const script = scripts[connections++];
    const say: Connection["say"] = (...answers) => {
      for (const answer of answers) socket.send(JSON.stringify(answer));
    };
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as WatchMessage;
      if (message.type === "auth") say({ type: "authenticated" });
      if (message.type !== "subscribe") return;
      asked.push(message.after);
      script?.({ socket, say }, message);
    });
  });
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { watch: openWatchSocket({ url, apiKey: "key", silenceMaxMs: 700 }), asked };
}

const runId = "run";
const fact = (seq: number, type: string, of = runId): RunEvent =>
  ({
    id: `${seq}-0`,
    prev: `${seq - 1}-0`,
    runId: of,
    ts: "2026-01-01T00:00:00.000Z",
    type,
    data: {},
  }) as unknown as RunEvent;
const log = [fact(1, "run.created"), fact(2, "run.started"), fact(3, "run.completed")];
const [created, started, completed] = log as [RunEvent, RunEvent, RunEvent];
const subscribed: WatchAnswer = { type: "subscribed", runId };
const ended: WatchAnswer = { type: "ended", runId };

describe("a run over a watch socket", () => {
  test("a run's record over a watch socket is whole when its end has come (R8)", async () => {
    const { watch } = await client(({ say }) => say(subscribed, ...log, ended));
    expect(await watch.follow(runId)).toMatchObject({ record: log, resumes: 0, faults: [] });
    expect(watch.open).toBe(0);
  });

  test("a run resumes after its last event when the gateway closes, the connection breaks or falls silent (R8)", async () => {
    const { watch, asked } = await client(
      ({ socket, say }) => {
        say(subscribed);
        socket.close(1012);
      },
      ({ socket, say }) => {
        say(subscribed);
        socket.send(JSON.stringify(created), () => socket.terminate());
      },
      ({ say }) => say(subscribed, started),
      ({ say }) => say(subscribed, completed, ended),
    );
    expect(await watch.follow(runId)).toMatchObject({ record: log, resumes: 2, faults: [] });
    expect(asked).toEqual([undefined, undefined, "1-0", "2-0"]);
  });

  test("a run that is unavailable for a moment is subscribed to again, and other runs go on", async () => {
    let isAway = true;
    const { watch, asked } = await client(({ say }, { runId: wanted }) => {
      if (wanted === "other")
        return say({ type: "subscribed", runId: wanted }, fact(1, "run.canceled", wanted), {
          type: "ended",
          runId: wanted,
        });
      if (isAway) say({ type: "error", runId, code: "unavailable", message: "The store is away." });
      else say(subscribed, ...log, ended);
      isAway = false;
    });
    const [one, other] = await Promise.all([watch.follow(runId), watch.follow("other")]);
    expect(one).toMatchObject({ record: log, faults: [] });
    expect(other.faults).toEqual([]);
    expect(asked).toEqual([undefined, undefined, undefined]);
  });
});

describe("what a gateway does wrong over a watch socket", () => {
  test("an event that comes twice or not at all shows in the record (R8)", async () => {
    const twice = await client(({ say }) => say(subscribed, created, started, started, completed, ended));
    expect(faultsOf((await twice.watch.follow(runId)).record)).toEqual(["2-0 came after 2-0"]);
    const { watch } = await client(({ say }) => say(subscribed, created, completed, ended));
    expect(disagreements({ log, socket: (await watch.follow(runId)).record })).not.toEqual([]);
  });

  test("an event that comes again after a resume shows in the record (R8)", async () => {
    const { watch } = await client(
      ({ socket, say }) => {
        say(subscribed, created, started);
        socket.close(1012);
      },
      ({ say }) => say(subscribed, started, completed, ended),
    );
    expect(faultsOf((await watch.follow(runId)).record)).toEqual(["2-0 came after 2-0"]);
  });

  test.each<[string, (connection: Connection) => void, RegExp]>([
    [
      "the run is refused",
      ({ say }) => say({ type: "error", runId, code: "not_found", message: "" }),
      /refused: not_found/,
    ],
    [
      "an unknown error is sent",
      ({ say }) => say({ type: "error", runId, code: "oops", message: "" }),
      /refused: oops/,
    ],
    ["the end comes before the last event", ({ say }) => say(subscribed, created, ended), /to have ended at 1-0/],
    ["the end comes without any event", ({ say }) => say(subscribed, ended), /to have ended at nothing/],
    [
      "an event comes before the run is subscribed to",
      ({ say }) => say(created, subscribed, started, completed, ended),
      /1-0 came before/,
    ],
    [
      "an event of a run comes that is not followed",
      ({ say }) => say(fact(1, "run.created", "stranger"), subscribed, ...log, ended),
      /run stranger, which is not followed/,
    ],
    ["the socket is refused", ({ socket }) => socket.close(4401, "no"), /closed the socket with 4401: no/],
    [
      "the client is refused a message",
      ({ say }) => say({ type: "error", code: "invalid_request", message: "what?" }, subscribed, ...log, ended),
      /said invalid_request: what\?/,
    ],
  ])("it is a fault of the gateway if %s", async (_, script, fault) => {
    const { watch } = await client(script);
    expect((await watch.follow(runId)).faults).toEqual([expect.stringMatching(fault)]);
  });
});

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { RunEvent, WatchAnswer, WatchMessage } from "@hsafa/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { disagreements, faultsOf } from "../support/watched-record.ts";
import { openWatchSocket, type WatchSocket } from "./watch-socket.ts";

/** One connection as the gateway has it. */
interface Connection {
  readonly socket: WebSocket;
  say(...answers: readonly (WatchAnswer | RunEvent)[]): void;
}

/**
 * A gateway that lets everybody in and does with each subscription what the script for this connection says, in the
 * order of the connections.
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
  test("is whole when a gateway has said its end", async () => {
    const { watch } = await client(({ say }) => say(subscribed, ...log, ended));
    expect(await watch.follow(runId)).toMatchObject({ record: log, resumes: 0, faults: [] });
    expect(watch.open).toBe(0);
  });

  test("goes on after its last event when the gateway goes away, the wire is cut, or nothing is heard any more", async () => {
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

  test("is asked for again where it could not be had just then, and the others of the connection go on", async () => {
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
  test("an event that comes twice, or not at all, is seen in the record", async () => {
    const twice = await client(({ say }) => say(subscribed, created, started, started, completed, ended));
    expect(faultsOf((await twice.watch.follow(runId)).record)).toEqual(["2-0 came after 2-0"]);
    const { watch } = await client(({ say }) => say(subscribed, created, completed, ended));
    expect(disagreements({ log, socket: (await watch.follow(runId)).record })).not.toEqual([]);
  });

  test("so is one that comes again behind a cut, although it was there", async () => {
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
      "an error that is none of ours",
      ({ say }) => say({ type: "error", runId, code: "oops", message: "" }),
      /refused: oops/,
    ],
    ["the end is said before the last event", ({ say }) => say(subscribed, created, ended), /to have ended at 1-0/],
    ["the end is said of nothing", ({ say }) => say(subscribed, ended), /to have ended at nothing/],
    [
      "an event comes before the run is subscribed to",
      ({ say }) => say(created, subscribed, started, completed, ended),
      /1-0 came before/,
    ],
    [
      "a run that nobody follows is told of",
      ({ say }) => say(fact(1, "run.created", "stranger"), subscribed, ...log, ended),
      /run stranger, which is not followed/,
    ],
    ["the socket is refused", ({ socket }) => socket.close(4401, "no"), /closed the socket with 4401: no/],
    [
      "the client is told off",
      ({ say }) => say({ type: "error", code: "invalid_request", message: "what?" }, subscribed, ...log, ended),
      /said invalid_request: what\?/,
    ],
  ])("%s", async (_, script, fault) => {
    const { watch } = await client(script);
    expect((await watch.follow(runId)).faults).toEqual([expect.stringMatching(fault)]);
  });
});

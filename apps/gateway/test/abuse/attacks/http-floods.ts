import { randomBytes } from "node:crypto";
import { type Attack, repeat } from "../attack.ts";

const REQUESTS_PER_WRITE = 1000;

export const pipelining: Attack = {
  name: "pipelined requests without a key",
  does: "one connection asks for /openapi.json without pause and reads nothing",
  async run(client, signal) {
    const requests = Buffer.from("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(REQUESTS_PER_WRITE));
    let socket = client.openTcp();
    socket.pause();
    await repeat(1, signal, async () => {
      if (socket.destroyed) socket = client.openTcp().pause();
      if (socket.writableLength < 10 * requests.length) socket.write(requests);
      await new Promise((resolve) => setTimeout(resolve, 5));
    });
  },
};

export const wrongKeys: Attack = {
  name: "wrong keys",
  does: "64 connections ask with keys that nobody has",
  run: (client, signal) =>
    repeat(64, signal, () =>
      client.call("GET", "/api/runs", undefined, `hsafa_${randomBytes(32).toString("base64url")}`),
    ),
};

export const costlyBodies: Attack = {
  name: "bodies that are costly to check",
  does: "posts 1 MB of empty lists, and 1 MB of keys",
  run(client, signal) {
    const lists = JSON.stringify({
      agent: "none",
      input: "x",
      metadata: { a: Array.from({ length: 330_000 }, () => []) },
    });
    const keys = JSON.stringify({
      agent: "none",
      input: "x",
      metadata: Object.fromEntries(Array.from({ length: 80_000 }, (_, index) => [`k${index}`, 1])),
    });
    return repeat(4, signal, async () => {
      await client.call("POST", "/api/runs", lists);
      await client.call("POST", "/api/runs", keys);
    });
  },
};

const ROWS = 200;
const OUTPUT_CHARACTERS = 900_000;

export const largePages: Attack = {
  name: "pages of large rows",
  does: "makes rows with 1 MB of output, and asks for pages of 200 without reading them",
  async run(client, signal) {
    await client.push("echo", { model: "demo/echo" });
    const input = "z".repeat(OUTPUT_CHARACTERS);
    let rows = 0;
    await repeat(3, signal, async () => {
      rows += 1;
      if (rows <= ROWS) return client.start("echo", { input });
      client.askUnread("/api/runs?limit=200");
      await new Promise((resolve) => setTimeout(resolve, 50));
      return client.call("GET", "/api/runs?limit=200");
    });
  },
};

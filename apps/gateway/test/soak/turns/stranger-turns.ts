import { randomUUID } from "node:crypto";
import { CLOSE_CODES } from "@hsafa/protocol";
import { WebSocket } from "ws";
import { RawDevice } from "../../support/raw-device.ts";
import { must, type Turn } from "../turn.ts";

const BODY_BYTES = 1_100_000;

export const STRANGER_TURNS: readonly Turn[] = [
  {
    name: "requests that are refused",
    weight: 8,
    async play(world) {
      const ask = async (
        status: number,
        path: string,
        init: RequestInit & { readonly key?: string },
      ): Promise<void> => {
        const { key = world.key, ...rest } = init;
        const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
        const response = await fetch(world.url() + path, { headers, ...rest });
        await response.text();
        must(response.status === status, `${path} answered ${response.status}, not ${status}`);
      };
      await ask(401, "/api/runs", { key: `hsafa_${randomUUID()}` });
      await ask(401, "/api/runs", { key: "a.b.c" });
      await ask(404, `/api/runs/${randomUUID()}`, {});
      await ask(404, `/${randomUUID()}`, {});
      await ask(400, "/api/runs", { method: "POST", body: '{"agent":' });
      await ask(400, "/api/runs?cursor=wrong", {});
      await ask(405, "/api/runs", { method: "PATCH" });
      await ask(422, "/api/agents", {
        method: "POST",
        body: '{"name":"bad","config":{"name":"bad","model":"none/x"}}',
      });
    },
  },
  {
    name: "bodies that are too large, and connections that are cut",
    weight: 1,
    async play(world) {
      const headers = { authorization: `Bearer ${world.key}`, "content-type": "application/json" };
      const body = JSON.stringify({ agent: "echo", input: "x".repeat(BODY_BYTES) });
      // The gateway may cut the connection before all of the body was sent.
      const status = await fetch(`${world.url()}/api/runs`, { method: "POST", headers, body }).then(
        async (response) => (await response.text(), response.status),
        () => 413,
      );
      must(status === 413, `a body that is too large was answered by ${status}`);
      const leaving = new AbortController();
      const { runId } = await world.client().runs.start({ agent: "talker", input: "words" });
      const stream = fetch(`${world.url()}/api/runs/${runId}/stream`, { headers, signal: leaving.signal });
      await (await stream).body?.getReader().read();
      leaving.abort();
      await world.client().runs.wait(runId);
    },
  },
  {
    name: "sockets of strangers",
    weight: 5,
    async play(world) {
      const address = world.url().replace("http", "ws");
      for (const path of ["/devices/connect", "/api/watch"]) {
        const socket = new WebSocket(address + path, { origin: "https://evil.example" });
        const status = await new Promise((resolve) => {
          socket.on("unexpected-response", (request, response) => {
            response.resume();
            resolve(response.statusCode);
            request.destroy();
          });
          socket.on("open", () => resolve("open"));
          socket.on("error", () => {});
        });
        must(status === 403, `a page of another origin got ${String(status)}`);
      }
      const device = new RawDevice(`${address}/devices/connect`);
      await device.register({ token: `hsafa_${randomUUID()}`, deviceKey: randomUUID() });
      must((await device.closed()).code === CLOSE_CODES.notAuthenticated, "a device with a wrong key was not refused");
      const silent = await new RawDevice(`${address}/api/watch`, []).open();
      silent.socket.terminate();
      await silent.closed();
      const babbling = await new RawDevice(`${address}/api/watch`, []).open();
      babbling.send("{");
      await babbling.closed();
    },
  },
];

import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request as ask } from "node:https";
import { join } from "node:path";
import type { CreatedToken } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { type Certificates, makeCertificates } from "../services/certificates.ts";
import { startNginx } from "../services/nginx.ts";
import { missingServices, type ThrowawayServer } from "../services/services.ts";
import { startTwoGateways, type TwoGateways } from "../support/two-gateways.ts";
import { until } from "../support/until.ts";

const DOCUMENT = join(import.meta.dirname, "../../../../docs/deploy/proxy.md");
const ENV = { HSAFA_TRUST_PROXY: "127.0.0.1", HSAFA_ALLOWED_HOSTS: "localhost" };

/** The lines of the document, with other addresses in them. */
function siteOf(port: number, gateways: readonly string[], { serverCert, serverKey }: Certificates): string {
  const site = /```nginx\n(.*?)```/s.exec(readFileSync(DOCUMENT, "utf8"))?.[1] ?? "";
  const changes: readonly (readonly [string, string])[] = [
    ["10.0.0.11:3001", gateways[0] ?? ""],
    ["10.0.0.12:3001", gateways[1] ?? ""],
    ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
    ["hsafa.example.com", "localhost"],
    ["/etc/ssl/hsafa.crt", serverCert],
    ["/etc/ssl/hsafa.key", serverKey],
  ];
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the document has no '${from}'`);
    return text.replace(from, to);
  }, site);
}

describe.skipIf(await missingServices("postgres", "redis", "nginx"))("a fleet behind nginx", () => {
  let fleet: TwoGateways;
  let certificates: Certificates;
  let nginx: ThrowawayServer;
  let ca: Buffer;
  beforeAll(async () => {
    fleet = await startTwoGateways(() => ({ env: ENV }));
    certificates = await makeCertificates();
    ca = readFileSync(certificates.ca);
    const gateways = [fleet.a, fleet.b].map(({ url }) => new URL(url).host);
    nginx = await startNginx((port) => siteOf(port, gateways, certificates));
  });
  afterAll(async () => {
    await nginx?.remove();
    await certificates?.remove();
    await fleet?.close();
  });

  interface Asked {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
  }

  /** Asks through nginx, as a client that trusts the throwaway authority. */
  async function open(path: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = ask(new URL(path, nginx.url), {
        method,
        ca,
        servername: "localhost",
        headers: {
          authorization: `Bearer ${fleet.a.apiKey}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
      });
      request.on("response", resolve).on("error", reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async function textOf(response: IncomingMessage): Promise<string> {
    let text = "";
    for await (const part of response.setEncoding("utf8")) text += String(part);
    return text;
  }

  async function parkedRun(): Promise<string> {
    await fleet.a.pushAgent({
      name: "asking",
      model: "demo/script",
      tools: [{ name: "ask", target: "external", inputSchema: { type: "object" } }],
      settings: {
        providerOptions: { demo: { script: [[{ say: "One moment." }, { call: "ask" }], [{ say: "end" }]] } },
      },
    });
    const started = await open("/api/runs", { method: "POST", body: { agent: "asking", input: "x" } });
    expect(started.statusCode).toBe(202);
    return (JSON.parse(await textOf(started)) as { runId: string }).runId;
  }

  test("events come while the run goes on, and a stream resumes after the last one", async () => {
    const runId = await parkedRun();
    const stream = await open(`/api/runs/${runId}/stream`);
    let text = "";
    stream.setEncoding("utf8").on("data", (part: string) => (text += part));
    // The run waits for a person, so nothing more comes that could push these out of a buffer.
    await until("the run is seen to wait", () => text.includes('"run.waiting"'));
    const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
    stream.destroy();
    const resumed = await open(`/api/runs/${runId}/stream`, { headers: { "last-event-id": ids.at(-2) ?? "" } });
    let rest = "";
    resumed.setEncoding("utf8").on("data", (part: string) => (rest += part));
    await until("the rest has come", () => rest.includes('"run.waiting"'));
    expect([...rest.matchAll(/^id: (.*)$/gm)].map(([, id]) => id)).toEqual([ids.at(-1)]);
    resumed.destroy();
  });

  test("devices and watchers connect", async () => {
    const runId = await parkedRun();
    const watcher = new WebSocket(`${nginx.url.replace("https", "wss")}/api/watch`, { ca });
    const device = new WebSocket(`${nginx.url.replace("https", "wss")}/devices/connect`, "hsafa.device.v1", { ca });
    onTestFinished(() => {
      watcher.terminate();
      device.terminate();
    });
    const heard: string[] = [];
    for (const socket of [watcher, device]) socket.on("message", (data: Buffer) => heard.push(data.toString("utf8")));
    const token = fleet.a.apiKey;
    watcher.on("open", () => {
      watcher.send(JSON.stringify({ type: "auth", token }));
      watcher.send(JSON.stringify({ type: "subscribe", runId }));
    });
    device.on("open", () => {
      device.send(JSON.stringify({ type: "device.register", token, deviceKey: "d", bootId: "b", tools: [] }));
    });
    await until("both are served", () =>
      ['"run.waiting"', '"device.registered"'].every((type) => heard.some((message) => message.includes(type))),
    );
  });

  test("a page's cookie is Secure, and another name than the public one is refused", async () => {
    const runId = await parkedRun();
    const made = await fleet.a.call<CreatedToken>("POST", "/api/tokens", { scopes: ["runs:read"], runId });
    const authorization = `Bearer ${made.body.token}`;
    const answer = await open("/api/tokens/cookie", { method: "POST", headers: { authorization } });
    expect(answer.headers["set-cookie"]?.[0]).toMatch(/; Secure/);
    answer.resume();
    const rebound = await open("/api/runs", { headers: { host: "evil.example" } });
    expect(rebound.statusCode).toBe(403);
    rebound.resume();
  });

  test("a gateway that is gone is left out, and its clients are served by the other one", async () => {
    await fleet.b.gateway.close();
    for (let request = 0; request < 10; request += 1) {
      const answer = await open("/api/runs?limit=1");
      expect(answer.statusCode).toBe(200);
      answer.resume();
    }
  });
});

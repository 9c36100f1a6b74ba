/**
 * Secrets are planted wherever a gateway takes one. The services that receive them repeat them as badly as they can.
 * Afterwards everything that the gateway wrote and everything that it answers is searched, in every encoding.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentConfigInput, Run } from "@hsafa/protocol";
import { Client } from "pg";
import { createClient } from "@redis/client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { secretForms } from "../../src/core/redact-secrets.ts";
import { type FreshDatabase, freshDatabase, missingServices, startPrivateRedis } from "../services/services.ts";
import type { ThrowawayServer } from "../services/throwaway-server.ts";
import { type EchoingService, startEchoingService } from "../support/echoing-service.ts";
import { listeningUrl, startProgram } from "../support/gateway-program.ts";
import { RawDevice } from "../support/raw-device.ts";
import { formsOf } from "../support/forms-of.ts";

const OPERATOR = "operator-key-0123456789abcdefghijk";
const SECRETS = {
  api: "api+secret/of the crm?0",
  environment: 'environment"secret\\of=mail',
  file: "file-secret-of-the-bank",
  provider: "provider-key-0123456789",
  jwt: "signs-the-tokens-of-this-test-0123456789",
  master: "seals-the-secrets-of-this-test-0123456789",
};
/** These stand in configs, against the advice. They may lie in the database, and nowhere else. */
const IN_CLEAR = { header: "plain-header-of-a-config", user: "plain-password-of-a-user" };

/** What replaces `{name}` in the path of a call. */
type Ids = Readonly<Record<string, string>>;

describe.skipIf(await missingServices("postgres", "private-redis"))("planted secrets", () => {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-planted-"));
  let server: EchoingService;
  let database: FreshDatabase;
  let redis: ThrowawayServer;
  let url = "";
  let log = "";
  /** Everything that came from the gateway: heads and bodies of responses, streams, and frames of sockets. */
  let answered = "";
  /** Everything that was published in Redis. */
  let published = "";
  /** The calls that were made, as OpenAPI names them. */
  const asked = new Set<string>();
  let endListening: () => void;
  let end: () => Promise<void>;

  beforeAll(async () => {
    writeFileSync(join(folder, "bank"), `${SECRETS.file}\n`);
    server = await startEchoingService();
    [database, redis] = await Promise.all([freshDatabase(), startPrivateRedis()]);
    const child = startProgram({
      HSAFA_ADMIN_KEY: OPERATOR,
      HSAFA_JWT_SECRET: SECRETS.jwt,
      HSAFA_SECRETS_KEY: SECRETS.master,
      HSAFA_SECRETS_DIR: folder,
      HSAFA_SECRET_MAIL: SECRETS.environment,
      HSAFA_OUTBOUND_ALLOW: "127.0.0.1",
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      OPENAI_COMPATIBLE_BASE_URL: `${server.url}/v1`,
      OPENAI_COMPATIBLE_API_KEY: SECRETS.provider,
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
    const exit = once(child, "exit");
    end = async () => {
      child.kill("SIGTERM");
      await exit;
    };
    url = await listeningUrl(child);
    const listener = await createClient({ url: redis.url }).connect();
    endListening = () => listener.destroy();
    await listener.pSubscribe("*", (message, channel) => void (published += `${channel} ${message}\n`));
  });
  afterAll(async () => {
    endListening();
    await end();
    server.close();
    await Promise.all([database.drop(), redis.remove()]);
    rmSync(folder, { recursive: true });
  });

  /** Calls with the operator's key. `{name}` in the path is replaced by `ids`. */
  async function call(method: string, template: string, body?: unknown, ids: Ids = {}): Promise<string> {
    asked.add(`${method} ${template.replace(/\?.*/, "")}`);
    const path = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? name);
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${OPERATOR}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    answered += `${method} ${template}\n${JSON.stringify([...response.headers])}\n${text}\n`;
    return text;
  }
  const ask = async <T>(method: string, path: string, body?: unknown, ids?: Ids): Promise<T> =>
    JSON.parse(await call(method, path, body, ids)) as T;

  /** A socket whose frames are searched, as they came. */
  async function socket(path: string, protocols?: string[]): Promise<RawDevice> {
    const peer = new RawDevice(url.replace("http", "ws") + path, protocols);
    peer.socket.on("message", (data: Buffer) => void (answered += `${path}\n${data.toString("utf8")}\n`));
    return peer.open();
  }

  /** An agent with a tool for each way of giving a secret, and each way of a service to answer. */
  function sender(): AgentConfigInput {
    const ways = {
      header: { headers: { authorization: { secret: "crm", prefix: "Bearer " } } },
      query: { query: { sig: { secret: "crm" } } },
      mail: { headers: { "x-api-key": { secret: "mail" } } },
      bank: { headers: { cookie: { secret: "bank", prefix: "id=" } } },
      plain: { headers: { authorization: `Bearer ${IN_CLEAR.header}` } },
      user: { headers: {} },
    };
    const answers = ["json", "text", "error", "lost"];
    const tools = Object.entries(ways).flatMap(([way, more]) =>
      answers.map((answer) => {
        const at = way === "user" ? server.url.replace("//", `//me:${IN_CLEAR.user}@`) : server.url;
        const request = { type: "http" as const, method: "POST" as const, url: `${at}/${answer}`, ...more };
        return { name: `${way}_${answer}`, inputSchema: { type: "object" }, server: request };
      }),
    );
    const onDevice = { name: "print", inputSchema: { type: "object" }, device: { key: "till" } };
    const calls = tools.map(({ name }) => ({ call: name, args: {} }));
    const script = [
      calls,
      [{ say: "{{results}}" }, { call: "print", args: { said: "{{result}}" } }],
      [{ say: "{{result}}" }],
    ];
    const settings = { providerOptions: { demo: { script } } };
    return { name: "sender", model: "demo/script", tools: [...tools, onDevice], settings };
  }

  async function runToEnd(agent: string): Promise<Run> {
    const { runId } = await ask<{ runId: string }>("POST", "/api/runs", { agent, input: "go", threadId: agent });
    // While it goes on, it is watched by both ways.
    const watch = await socket("/api/watch", []);
    watch.send({ type: "auth", token: OPERATOR });
    watch.send({ type: "subscribe", runId });
    const stream = call("GET", "/api/runs/{id}/stream", undefined, { id: runId });
    await watch.until(() => watch.heard.find(({ type }) => (type as string) === "ended"));
    await stream;
    watch.socket.terminate();
    return vi.waitUntil(
      async () => {
        const run = await ask<Run>("GET", "/api/runs/{id}", undefined, { id: runId });
        return ["completed", "failed"].includes(run.status) ? run : null;
      },
      { timeout: 20_000, interval: 100 },
    );
  }

  async function dumpOfDatabase(): Promise<string> {
    const client = new Client(database.url);
    await client.connect();
    try {
      const tables = await client.query<{ name: string }>(
        "select table_name as name from information_schema.tables where table_schema = current_schema()",
      );
      const rows: string[] = [];
      for (const { name } of tables.rows) {
        const all = await client.query<{ row: string }>(`select row_to_json(t)::text as row from "${name}" t`);
        rows.push(...all.rows.map(({ row }) => row));
      }
      return rows.join("\n");
    } finally {
      await client.end();
    }
  }

  async function dumpOfRedis(): Promise<string> {
    const client = await createClient({ url: redis.url }).connect();
    try {
      const keys = await client.keys("*");
      const read = async (key: string): Promise<unknown> => {
        const type = await client.type(key);
        switch (type) {
          case "stream":
            return client.xRange(key, "-", "+");
          case "string":
            return client.get(key);
          case "hash":
            return client.hGetAll(key);
          case "set":
            return client.sMembers(key);
          case "zset":
            return client.zRange(key, 0, -1);
          case "list":
            return client.lRange(key, 0, -1);
          default:
            throw new Error(`the search does not know keys of the type ${type}`);
        }
      };
      return JSON.stringify([keys, await Promise.all(keys.map(read))]);
    } finally {
      client.destroy();
    }
  }

  /** A device that repeats, as progress and as its result, what it was sent. */
  async function connectTill(): Promise<RawDevice> {
    const till = await socket("/devices/connect", ["hsafa.device.v1"]);
    await till.register({
      token: OPERATOR,
      deviceKey: "till",
      tools: [{ name: "print", inputSchema: { type: "object" } }],
    });
    const repeat = async (): Promise<void> => {
      const { callId, args } = await till.next("tool.call.request");
      till.send({ type: "tool.call.accepted", callId });
      till.send({ type: "tool.progress", callId, data: args });
      till.send({ type: "tool.result", callId, result: args });
    };
    void repeat();
    return till;
  }

  /** Makes every call of the API. Some are refused: what a refusal says is searched too. */
  async function callEverything(ids: Readonly<Record<"run" | "key" | "device" | "version" | "call", string>>) {
    const { run, key, device, version, call: callId } = ids;
    const { paths } = await ask<{ paths: Record<string, Record<string, unknown>> }>("GET", "/openapi.json");
    const named: Readonly<Record<string, Ids>> = {
      agents: { idOrName: "sender", versionId: version },
      runs: { id: run },
      threads: { id: "sender" },
      devices: { id: device },
      keys: { id: key },
      secrets: { name: "crm" },
      tenants: { idOrName: "default" },
    };
    const faulty = { ...sender(), tools: [...(sender().tools ?? []), { name: "wrong" }], extra: IN_CLEAR.header };
    const bodies: Readonly<Record<string, unknown>> = {
      "POST /api/tokens": { scopes: ["runs:read"] },
      "POST /api/tokens/revoke": { subject: "nobody" },
      "POST /api/keys": { name: "made", scopes: ["runs:read"] },
      "POST /api/agents": { name: "sender", config: faulty },
      "POST /api/agents/{idOrName}/promote": { versionId: version },
      "POST /api/runs": { agent: "nobody", input: "go" },
      "POST /api/runs/{id}/messages": { content: "more" },
      "POST /api/runs/{id}/approvals": { callId, approved: true },
      "POST /api/runs/{id}/tool-results": { callId, result: "late" },
      "POST /api/threads": { key: "sender" },
      "POST /api/devices/pairings": { code: "BCDF-GHJK" },
      "PUT /api/secrets/{name}": { value: SECRETS.api, more: 1 },
      "PUT /api/quotas": { quotas: { devices: 500 } },
      "POST /api/tenants": { name: "made" },
      "POST /api/tenants/{idOrName}/keys": { name: "made", scopes: ["runs:read"] },
    };
    const calls = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
    // What is deleted was to be read before.
    for (const { method, path } of calls.toSorted(
      (one, other) => Number(one.method === "DELETE") - Number(other.method === "DELETE"),
    )) {
      const body = bodies[`${method} ${path}`] ?? (method === "POST" ? {} : undefined);
      await call(method, path, body, named[path.split("/")[2] ?? ""]);
    }
    expect([...asked].toSorted()).toEqual(calls.map(({ method, path }) => `${method} ${path}`).toSorted());
  }

  test("no secret is in the database, in Redis, in the log or in anything that a client gets, in any encoding", async () => {
    await call("PUT", "/api/secrets/{name}", { value: SECRETS.api }, { name: "crm" });
    const pushed = await ask<{ versionId: string }>("POST", "/api/agents", { name: "sender", config: sender() });
    const asker = { name: "asker", model: "openai-compatible/m" };
    await call("POST", "/api/agents", { name: "asker", config: asker });
    const till = await connectTill();
    const { deviceId } = await till.next("device.registered");
    const [sent, refused] = [await runToEnd("sender"), await runToEnd("asker")];
    expect([sent.status, refused.status]).toEqual(["completed", "failed"]);
    const { data: settled } = await ask<{ data: { id: string; toolName: string; status: string }[] }>(
      "GET",
      "/api/runs/{id}/tool-calls",
      undefined,
      { id: sent.id },
    );
    const version = pushed.versionId;
    const made = await ask<{ id: string }>("POST", "/api/keys", { name: "to be revoked", scopes: ["runs:read"] });
    await call("GET", "/api/runs/{id}/events", undefined, { id: refused.id });
    await call("GET", "/api/threads/{id}/messages", undefined, { id: "asker" });
    await call("GET", "/api/tool-calls?limit=200");
    await callEverything({ run: sent.id, key: made.id, device: deviceId, version, call: settled[0]?.id ?? "" });
    till.socket.terminate();

    // What is searched holds what the services said, or the search would prove nothing.
    expect(settled.filter(({ status }) => status === "completed")).toHaveLength(13);
    expect(answered.split("[key]").length).toBeGreaterThan(100);
    for (const what of ["tool.call.request", '"ended"', "tool.progress", "text.delta", "hsafa_runs_held"])
      expect(answered).toContain(what);
    const places = { answered, published, database: await dumpOfDatabase(), redis: await dumpOfRedis(), log };
    expect(places.database).toContain("sender");
    expect(places.redis).toContain("text.delta");
    expect(published).toContain("[key]");
    expect(log).toContain("the gateway serves");

    const found = (values: readonly string[], text: string) =>
      [...secretForms(values), ...values.flatMap(formsOf)].filter((form) => text.includes(form));
    const all = [...Object.values(SECRETS), OPERATOR];
    for (const [place, text] of Object.entries(places))
      expect({ place, found: found(all, text) }).toEqual({ place, found: [] });
    const { database: _, ...elsewhere } = places;
    for (const [place, text] of Object.entries(elsewhere)) {
      const forms = found(Object.values(IN_CLEAR), text);
      expect({ place, forms }).toEqual({ place, forms: [] });
    }
  });
});

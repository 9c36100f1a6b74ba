import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSettings } from "../../src/config.ts";
import { startGateway } from "../../src/gateway.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { freshDatabase, type FreshDatabase, missingServices, redisUrl } from "../services/services.ts";
import { listeningUrl, startProgram } from "../support/gateway-program.ts";
import { startTestGateway } from "../support/test-gateway.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hsafa-gateway-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the program", () => {
  async function whatItSays(child: ChildProcess): Promise<{ readonly code: unknown; readonly text: string }> {
    let text = "";
    child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, text };
  }

  test("the program prints where it listens, keeps one key, locks its folder, and ends at SIGTERM", async () => {
    const env = { HSAFA_DATA_DIR: join(folder, "data") };
    const first = startProgram(env);
    const url = await listeningUrl(first);
    const keyFile = join(folder, "data", "key");
    const key = (await readFile(keyFile, "utf8")).trim();
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    const listed = await fetch(`${url}/api/agents`, { headers: { authorization: `Bearer ${key}` } });
    expect(listed.status).toBe(200);

    const second = await whatItSays(startProgram(env));
    expect(second).toMatchObject({ code: 1, text: expect.stringContaining(`process ${first.pid}`) as string });

    first.kill("SIGTERM");
    expect((await whatItSays(first)).code).toBe(0);

    const again = startProgram(env);
    const listedAgain = await fetch(`${await listeningUrl(again)}/api/agents`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(listedAgain.status).toBe(200);
    again.kill("SIGINT");
    expect((await whatItSays(again)).code).toBe(0);
  });

  test("settings that cannot work are named by their variables, and nothing is started", async () => {
    const said = await whatItSays(startProgram({ HOST: "0.0.0.0", HSAFA_LEASE_MS: "fast" }));
    expect(said.code).toBe(1);
    expect(said.text).toContain("HSAFA_JWT_SECRET");
    expect(said.text).toContain("HSAFA_LEASE_MS");
  });
});

describe("a gateway", () => {
  test("a port in use is an error, and all that was opened before is closed again", async () => {
    const first = await startTestGateway();
    const { port } = new URL(first.url);
    const dataDir = join(folder, "taken");
    const settings = { ...readSettings({ HSAFA_DATA_DIR: dataDir }), port: Number(port) };
    await expect(startGateway(settings, { logLevel: "silent" })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await first.close();
    // The folder is free again.
    const second = await startGateway({ ...settings, port: 0 }, { logLevel: "silent" });
    await second.close();
  });

  test("a gateway that closes ends its streams, and the next gateway continues the run (R6)", async () => {
    const dataDir = join(folder, "handed-over");
    const options = { isEphemeral: false, env: { HSAFA_DATA_DIR: dataDir } };
    const first = await startTestGateway(options);
    await first.pushAgent({ name: "count", model: "demo/count" });
    const { runId } = await first.startRun({ agent: "count", input: "count to 40" });
    await first.waitForRun(runId, ({ status }) => status === "running");
    const response = await fetch(`${first.url}/api/runs/${runId}/stream`, {
      headers: { authorization: `Bearer ${first.apiKey}` },
    });
    const [streamed] = await Promise.all([response.text(), first.close()]);
    expect(streamed).toContain("step.started");
    expect(streamed).not.toContain("run.completed");

    const second = await startTestGateway(options);
    expect(await second.waitForEnd(runId)).toMatchObject({ status: "completed" });
    await second.close();
  });

  test("a request while the store is away is refused with when to try again", async () => {
    const gateway = await startTestGateway();
    const { store } = gateway.gateway;
    const away = (): never => {
      throw new StoreUnavailable("the connection is gone");
    };
    const { forTenant } = store;
    Object.assign(store, { forTenant: away });
    const answer = await gateway.call("GET", "/api/runs");
    expect(answer).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    Object.assign(store, { forTenant });
    expect((await gateway.call("GET", "/api/runs")).status).toBe(200);
    await gateway.close();
  });
});

const missing = await missingServices("postgres", "redis");
describe.skipIf(missing)("several gateways", () => {
  let database: FreshDatabase;

  beforeAll(async () => {
    database = await freshDatabase();
  });

  afterAll(() => database.drop());

  test("a second gateway on the same Postgres needs Redis, and a killed one does not count for ever", async () => {
    const databaseUrl = database.url;
    const first = await startTestGateway({ databaseUrl });
    await expect(startTestGateway({ databaseUrl })).rejects.toThrow(/REDIS_URL/);
    // As if another had just been killed: its heartbeat is fresh, and no other follows.
    await first.gateway.store.fleet.recordHeartbeat({
      gatewayId: "01890a5d-ac96-774b-bcce-b302099a8057",
      stopping: false,
    });
    await first.close();
    const again = await startTestGateway({ databaseUrl });
    await again.close();
  });

  test("a run started on one gateway is shown, watched and given its results on another", async () => {
    const shared = { databaseUrl: database.url, redisUrl: await redisUrl() };
    const a = await startTestGateway(shared);
    const b = await startTestGateway(shared);
    await a.pushAgent({
      name: "ask",
      model: "demo/tools",
      tools: [{ name: "ask_person", target: "external", inputSchema: { type: "object" } }],
    });
    const { runId } = await a.startRun({ agent: "ask", input: "go" });
    await b.waitForRun(runId, ({ status }) => status === "waiting_tool");
    const watched = b.watch(runId);
    const [call] = await b.toolCalls(runId);
    const callId = call?.id;
    expect((await a.call("POST", `/api/runs/${runId}/tool-results`, { callId, result: "yes" })).status).toBe(202);
    await b.waitForEnd(runId);
    expect(await watched).toEqual(await a.events(runId));
    await Promise.all([a.close(), b.close()]);
  });
});

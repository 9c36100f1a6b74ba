import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ApiKeyWithSecret,
  type PushedAgent,
  type Run,
  SCOPES,
  type StartedRun,
  type Thread,
  type ToolCall,
} from "@hsafa/protocol";
import { newApiKey } from "../../src/access/api-key.ts";
import { until } from "../support/until.ts";
import { type Held, MeasuredProcess } from "../support/measured-process.ts";
import { startOddProvider } from "./odd-provider.ts";

/** A gateway to throw inputs at, with one thing of each kind in it. */
export interface FuzzTarget {
  readonly url: string;
  /** A key with every scope. It is not the operator's, so that no input lowers a quota. */
  readonly key: string;
  readonly ids: Readonly<Record<"run" | "ended" | "thread" | "agent" | "version" | "call" | "key", string>>;
  /** Ids and names of what is there. */
  readonly known: readonly string[];
  /** What the model provider sends next, by the name of the model that is asked. */
  readonly provider: Awaited<ReturnType<typeof startOddProvider>>;
  call<Body = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Body>;
  push(config: Readonly<Record<string, unknown>> & { readonly name: string }): Promise<PushedAgent>;
  /** Null while the gateway lives; else how it ended. */
  ended(): string | null;
  log(): string;
  held(): Promise<Held>;
  remove(): Promise<void>;
}

const WAIT_MAX_MS = 30_000;
const SCHEMA = { type: "object" } as const;

/** Starts one. Without services it keeps everything in a folder. */
export async function startFuzzTarget(services: {
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
}): Promise<FuzzTarget> {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-fuzz-"));
  const operator = newApiKey();
  const provider = await startOddProvider();
  const { databaseUrl, redisUrl } = services;
  const gateway = new MeasuredProcess({
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    HSAFA_DATA_DIR: folder,
    HSAFA_ADMIN_KEY: operator,
    HSAFA_JWT_SECRET: newApiKey(),
    HSAFA_SECRETS_KEY: newApiKey(),
    HSAFA_OUTBOUND_ALLOW: "127.0.0.1",
    HSAFA_TENANT_REQUESTS_PER_S: "1000000",
    HSAFA_KEY_REQUESTS_PER_S: "1000000",
    HSAFA_ADDRESS_REQUESTS_PER_S: "1000000",
    OPENAI_COMPATIBLE_BASE_URL: provider.url,
    OPENAI_COMPATIBLE_API_KEY: "none",
  });
  const url = await gateway.listeningUrl();
  let key = operator;
  const call = async <Body>(method: string, path: string, body?: unknown): Promise<Body> => {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? null : JSON.parse(text)) as Body;
  };
  key = (await call<ApiKeyWithSecret>("POST", "/api/keys", { name: "fuzz", scopes: [...SCOPES] })).key;
  const spare = await call<ApiKeyWithSecret>("POST", "/api/keys", { name: "spare", scopes: ["runs:read"] });
  const push: FuzzTarget["push"] = (config) => call<PushedAgent>("POST", "/api/agents", { name: config.name, config });

  const tools = [{ name: "ask", target: "external", inputSchema: SCHEMA }];
  const { agentId, versionId } = await push({ name: "waits", model: "demo/tools", tools });
  await push({ name: "echo", model: "demo/echo" });
  const thread = await call<Thread>("POST", "/api/threads", { key: "fuzzed" });
  const start = async (agent: string): Promise<string> => {
    const body = { agent, input: "several words to stream", threadId: thread.id };
    return (await call<StartedRun>("POST", "/api/runs", body)).runId;
  };
  const [run, ended] = [await start("waits"), await start("echo")];
  let callId = "";
  await until(
    "a run waits",
    async () => {
      const { data } = await call<{ data: ToolCall[] }>("GET", `/api/runs/${run}/tool-calls`);
      callId = data[0]?.id ?? "";
      return callId !== "";
    },
    WAIT_MAX_MS,
  );
  // Runs of one thread go one after the other.
  await call("POST", `/api/runs/${run}/tool-results`, { callId, result: "go on" });
  const hasEnded = async (): Promise<boolean> => (await call<Run>("GET", `/api/runs/${ended}`)).status === "completed";
  await until("the other run has ended", hasEnded, WAIT_MAX_MS);
  const ids = { run, ended, thread: thread.id, agent: agentId, version: versionId, call: callId, key: spare.id };
  return {
    url,
    key,
    ids,
    known: [...Object.values(ids), "waits", "echo", "fuzzed", "demo/echo", "fuzz-device"],
    provider,
    call,
    push,
    ended: () => gateway.ended,
    log: () => gateway.log,
    held: () => gateway.held(),
    async remove() {
      await gateway.end();
      await provider.close();
      rmSync(folder, { recursive: true });
    },
  };
}

import { once } from "node:events";
import { isTerminalStatus, type Run, type RunStatus } from "@hsafa/protocol";
import { listeningUrl, startProgram } from "../test/support/gateway-program.ts";

/** A gateway in a process of its own, and its API. */
export interface GatewayProgram {
  readonly url: string;
  /** The operator's key. */
  readonly key: string;
  get<Body>(path: string): Promise<Body>;
  post<Body>(path: string, body: object): Promise<Body>;
  /** Resolves when the run has this status. */
  until(runId: string, status: RunStatus): Promise<void>;
  stop(): Promise<void>;
}

const KEY = "hsafa_bench_operator_key_0123456789abcdef";
const POLL_MS = 20;

/** Starts a gateway on these servers. */
export async function startGatewayProgram(services: {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}): Promise<GatewayProgram> {
  const child = startProgram({
    DATABASE_URL: services.databaseUrl,
    REDIS_URL: services.redisUrl,
    HSAFA_ADMIN_KEY: KEY,
    HSAFA_JWT_SECRET: "a secret that the gateway of a measurement signs its tokens with",
    HSAFA_DEMO_MODELS: "on",
  });
  child.stderr?.resume();
  const url = await listeningUrl(child);
  const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
  async function ask<Body>(path: string, init: RequestInit): Promise<Body> {
    const response = await fetch(url + path, { ...init, headers });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Body;
  }
  return {
    url,
    key: KEY,
    get: (path) => ask(path, {}),
    post: (path, body) => ask(path, { method: "POST", body: JSON.stringify(body) }),
    async until(runId, status) {
      for (;;) {
        const run = await ask<Run>(`/api/runs/${runId}`, {});
        if (run.status === status) return;
        if (isTerminalStatus(run.status)) throw new Error(`the run is ${run.status}`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

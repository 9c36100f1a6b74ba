/**
 * A real gateway on a real socket, and what tests do with it through its HTTP API.
 *
 *     const gateway = await startTestGateway();                           // PGlite in memory, live log in the process
 *     const gateway = await startTestGateway({ databaseUrl, redisUrl });  // one of several on shared services
 *     await gateway.pushAgent({ name: "a", model: "demo/echo" });
 *     const { runId } = await gateway.startRun({ agent: "a", input: "hello" });
 *     const run = await gateway.waitForEnd(runId);
 *     const events = await gateway.watch(runId);
 *     await gateway.close();
 */
import {
  isTerminalStatus,
  type AgentConfigInput,
  type PushedAgent,
  type Run,
  type RunEvent,
  type StartedRun,
  type ToolCall,
} from "@hsafa/protocol";
import { readSettings, type Settings } from "../../src/config.ts";
import { type Gateway, type Overrides, startGateway } from "../../src/gateway.ts";

export interface TestGatewayOptions extends Overrides {
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  /** Further variables of the environment, as an operator would set them. */
  readonly env?: Readonly<Record<string, string>>;
  /** Model providers in place of those that the environment names. */
  readonly providers?: Settings["providers"];
}

/** A response. Its JSON body is parsed; `body` is null where there is none. */
export interface Answer<Body = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface CallOptions {
  /** A key or token in place of the gateway's own; null sends none. */
  readonly credential?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestGateway {
  readonly gateway: Gateway;
  readonly url: string;
  /** A key with every scope in the tenant `default`. */
  readonly apiKey: string;
  call<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<Answer<Body>>;
  pushAgent(config: AgentConfigInput): Promise<PushedAgent>;
  startRun(body: Readonly<Record<string, unknown>>): Promise<StartedRun>;
  /** Waits until the run has ended, and returns it. */
  waitForEnd(runId: string): Promise<Run>;
  /** Waits until `isIt` is true of the run, and returns it. */
  waitForRun(runId: string, isIt: (run: Run) => boolean): Promise<Run>;
  /** Follows the run by SSE to its end, and returns its events without `tool.progress`. */
  watch(runId: string, after?: string): Promise<RunEvent[]>;
  /** Returns the whole log of the run from the store. */
  events(runId: string): Promise<RunEvent[]>;
  /** Returns the run's calls, in the order of the API. */
  toolCalls(runId: string): Promise<ToolCall[]>;
  /** Reads a list to its end, `limit` items a page, and returns its pages. */
  readPages<Item>(path: string, limit: number): Promise<Item[][]>;
  close(): Promise<void>;
}

/** The operator's key of every gateway on shared services. */
const ADMIN_KEY = "hsafa_test_operator_key_0123456789abcdef";
const WAIT_MAX_MS = 60_000;
const POLL_MS = 15;
/** The most that the API gives in one page. */
const PAGE_LIMIT = 200;

export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const { databaseUrl, redisUrl, env, providers, ...overrides } = options;
  const read = readSettings({
    PORT: "0",
    HSAFA_ADMIN_KEY: ADMIN_KEY,
    HSAFA_JWT_SECRET: "a secret that every test gateway signs its tokens with",
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    ...env,
  });
  const settings = providers === undefined ? read : { ...read, providers: { ...read.providers, ...providers } };
  const gateway = await startGateway(settings, { isEphemeral: true, logLevel: "error", drainMs: 100, ...overrides });
  const { url } = gateway;
  const apiKey = settings.adminKey ?? ADMIN_KEY;

  async function call<Body>(
    method: string,
    path: string,
    body?: unknown,
    { credential = apiKey, headers }: CallOptions = {},
  ): Promise<Answer<Body>> {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "";
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : text || null) as Body,
    };
  }

  async function succeed<Body>(method: string, path: string, body?: unknown): Promise<Body> {
    const answer = await call<Body>(method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async function readPages<Item>(path: string, limit: number): Promise<Item[][]> {
    const pages: Item[][] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: { data: Item[]; nextCursor: string | null } = await succeed("GET", `${path}?limit=${limit}${query}`);
      pages.push(page.data);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return pages;
  }

  async function waitForRun(runId: string, isIt: (run: Run) => boolean): Promise<Run> {
    const deadline = performance.now() + WAIT_MAX_MS;
    for (;;) {
      const run = await succeed<Run>("GET", `/api/runs/${runId}`);
      if (isIt(run)) return run;
      if (performance.now() > deadline) throw new Error(`the run is still ${run.status} at ${run.position}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  return {
    gateway,
    url,
    apiKey,
    call,
    pushAgent: (config) => succeed("POST", "/api/agents", { name: config.name, config }),
    startRun: (body) => succeed("POST", "/api/runs", body),
    waitForRun,
    waitForEnd: (runId) => waitForRun(runId, ({ status }) => isTerminalStatus(status)),
    async watch(runId, after) {
      const response = await fetch(`${url}/api/runs/${runId}/stream`, {
        headers: { authorization: `Bearer ${apiKey}`, ...(after === undefined ? {} : { "last-event-id": after }) },
        signal: AbortSignal.timeout(WAIT_MAX_MS),
      });
      if (response.status === 204) return [];
      if (response.status !== 200) throw new Error(`the stream answered ${response.status}: ${await response.text()}`);
      return positioned(await response.text());
    },
    events: async (runId) => (await readPages<RunEvent>(`/api/runs/${runId}/events`, PAGE_LIMIT)).flat(),
    toolCalls: async (runId) => (await succeed<{ data: ToolCall[] }>("GET", `/api/runs/${runId}/tool-calls`)).data,
    readPages,
    close: () => gateway.close(),
  };
}

/** Returns the events of an SSE body that have a position. */
function positioned(body: string): RunEvent[] {
  return body
    .split("\n\n")
    .filter((frame) => frame.startsWith("id:"))
    .map((frame) => {
      const data = frame.split("\n").find((line) => line.startsWith("data:"));
      if (data === undefined) throw new Error(`a frame without data: ${frame}`);
      return JSON.parse(data.slice("data:".length)) as RunEvent;
    });
}

import type {
  Agent,
  AgentVersion,
  CreatedToken,
  CreateTokenBody,
  Device,
  DeviceDetail,
  JsonObject,
  Page,
  PushAgentBody,
  PushedAgent,
  Thread,
  ThreadMessage,
  ToolCall,
  ToolCallStatus,
} from "@hsafa/protocol";
import { type Connection, type ConnectionOptions, createConnection } from "./connection.ts";
import type { RunStreamTransport } from "./run-stream.ts";
import { type CallOptions, createRuns, type PageQuery } from "./runs.ts";

export interface ClientOptions extends ConnectionOptions {
  /** How runs are streamed; `sse` unless this is React Native with its own `fetch`, which cannot stream. */
  readonly transport?: RunStreamTransport;
}

/** Everything the HTTP API can do, typed. Every method rejects with an `HsafaError`. */
export type Client = ReturnType<typeof createClient>;

/** Talks to a gateway over HTTP. Opens nothing until it is used, and needs no closing. */
export function createClient(options: ClientOptions) {
  const connection = createConnection(options);
  const transport = options.transport ?? (options.fetch === undefined && isReactNative() ? "poll" : "sse");
  return {
    agents: createAgents(connection),
    runs: createRuns(connection, transport),
    threads: createThreads(connection),
    devices: createDevices(connection),
    toolCalls: createToolCalls(connection),
    tokens: createTokens(connection),
  };
}

function createAgents(connection: Connection) {
  const path = (idOrName: string, more = ""): string => `/api/agents/${encodeURIComponent(idOrName)}${more}`;
  return {
    /** Makes a version of an agent, or finds the one with this very config (`created: false`). */
    push(agent: PushAgentBody, options: CallOptions = {}): Promise<PushedAgent> {
      return connection.call("/api/agents", { method: "POST", body: agent, ...options });
    },
    list(query: PageQuery = {}, options: CallOptions = {}): Promise<Page<Agent>> {
      return connection.call("/api/agents", { query: { ...query }, ...options });
    },
    get(idOrName: string, options: CallOptions = {}): Promise<Agent> {
      return connection.call(path(idOrName), options);
    },
    /** Newest first. */
    versions(idOrName: string, query: PageQuery = {}, options: CallOptions = {}): Promise<Page<AgentVersion>> {
      return connection.call(path(idOrName, "/versions"), { query: { ...query }, ...options });
    },
    version(idOrName: string, versionId: string, options: CallOptions = {}): Promise<AgentVersion> {
      return connection.call(path(idOrName, `/versions/${encodeURIComponent(versionId)}`), options);
    },
    /** Makes this the version that new runs take. */
    promote(idOrName: string, versionId: string, options: CallOptions = {}): Promise<Agent> {
      return connection.call(path(idOrName, "/promote"), { method: "POST", body: { versionId }, ...options });
    },
  };
}

function createThreads(connection: Connection) {
  return {
    /** `key`: your own name for the conversation; the same key finds the same thread. */
    create(
      params: { readonly key?: string; readonly metadata?: JsonObject } = {},
      options: CallOptions = {},
    ): Promise<Thread> {
      return connection.call("/api/threads", { method: "POST", body: params, ...options });
    },
    get(idOrKey: string, options: CallOptions = {}): Promise<Thread> {
      return connection.call(`/api/threads/${encodeURIComponent(idOrKey)}`, options);
    },
    messages(idOrKey: string, query: PageQuery = {}, options: CallOptions = {}): Promise<Page<ThreadMessage>> {
      return connection.call(`/api/threads/${encodeURIComponent(idOrKey)}/messages`, {
        query: { ...query },
        ...options,
      });
    },
  };
}

function createDevices(connection: Connection) {
  return {
    list(query: PageQuery = {}, options: CallOptions = {}): Promise<Page<Device>> {
      return connection.call("/api/devices", { query: { ...query }, ...options });
    },
    get(deviceId: string, options: CallOptions = {}): Promise<DeviceDetail> {
      return connection.call(`/api/devices/${encodeURIComponent(deviceId)}`, options);
    },
    /** Forgets a device and ends its connection. */
    delete(deviceId: string, options: CallOptions = {}): Promise<void> {
      return connection.call(`/api/devices/${encodeURIComponent(deviceId)}`, { method: "DELETE", ...options });
    },
  };
}

function createToolCalls(connection: Connection) {
  return {
    /** Newest first: "which device executed tool X?" */
    list(
      query: PageQuery & {
        readonly toolName?: string;
        readonly deviceId?: string;
        readonly status?: ToolCallStatus;
      } = {},
      options: CallOptions = {},
    ): Promise<Page<ToolCall>> {
      return connection.call("/api/tool-calls", { query: { ...query }, ...options });
    },
  };
}

function createTokens(connection: Connection) {
  return {
    /** A short-lived token for a browser, which can do only what it names. */
    create(params: CreateTokenBody, options: CallOptions = {}): Promise<CreatedToken> {
      return connection.call("/api/tokens", { method: "POST", body: params, ...options });
    },
    /** Sets the token this client holds as a cookie, for a browser's own `EventSource`. */
    setCookie(options: CallOptions = {}): Promise<void> {
      return connection.call("/api/tokens/cookie", { method: "POST", ...options });
    },
  };
}

/** Its `fetch` answers when the whole body is there, which for a stream is never. */
function isReactNative(): boolean {
  return (globalThis.navigator as { product?: string } | undefined)?.product === "ReactNative";
}

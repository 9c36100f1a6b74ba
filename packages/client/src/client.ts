import { type Agents, createAgents } from "./agents.ts";
import { type ConnectionOptions, createConnection } from "./connection.ts";
import { createDevices, type Devices } from "./devices.ts";
import type { RunStreamTransport } from "./run-stream-transport.ts";
import { createRuns, type Runs } from "./runs.ts";
import { createThreads, type Threads } from "./threads.ts";
import { createTokens, type Tokens } from "./tokens.ts";
import { createToolCalls, type ToolCalls } from "./tool-calls.ts";

/** Which gateway a client talks to, and how. */
export interface ClientOptions extends ConnectionOptions {
  /**
   * How runs are streamed. The default is `watch` in browsers and in React Native, where all streams of a client share
   * one WebSocket, and `sse` everywhere else.
   */
  readonly transport?: RunStreamTransport;
}

/**
 * What the HTTP API can do, typed. The calls of operators are in `@hsafa/client/operator`. Every method rejects with an
 * `HsafaError`, or the signal's reason.
 */
export interface Client {
  readonly agents: Agents;
  readonly runs: Runs;
  readonly threads: Threads;
  readonly devices: Devices;
  readonly toolCalls: ToolCalls;
  readonly tokens: Tokens;
}

/** Makes a client, which talks to a gateway over HTTP. It opens nothing until it is used, and needs no closing. */
export function createClient(options: ClientOptions): Client {
  const connection = createConnection(options);
  const transport = options.transport ?? (isPage() ? "watch" : "sse");
  return {
    agents: createAgents(connection),
    runs: createRuns(connection, transport),
    threads: createThreads(connection),
    devices: createDevices(connection),
    toolCalls: createToolCalls(connection),
    tokens: createTokens(connection),
  };
}

/** Whether this is a browser, a page or a worker of one; or React Native, whose own `fetch` cannot stream. */
function isPage(): boolean {
  const { location, navigator } = globalThis as { location?: object; navigator?: { product?: string } };
  return location !== undefined || navigator?.product === "ReactNative";
}

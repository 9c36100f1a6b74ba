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
   * How runs are streamed. The default is `poll` in React Native with its own `fetch`, which cannot stream, and `sse`
   * everywhere else.
   */
  readonly transport?: RunStreamTransport;
}

/** Everything that the HTTP API can do, typed. Every method rejects with an `HsafaError`, or the signal's reason. */
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

/** React Native's own `fetch` returns when the whole body is there, which for a stream is never. */
function isReactNative(): boolean {
  return (globalThis.navigator as { product?: string } | undefined)?.product === "ReactNative";
}

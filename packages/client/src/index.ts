export { type Client, type ClientOptions, createClient } from "./client.ts";
export { HsafaError } from "./error.ts";
export type { RunStreamEvent, RunStreamTransport } from "./run-stream.ts";
export type { PageQuery, StartRunParams } from "./runs.ts";
export type { TokenSource } from "./token.ts";

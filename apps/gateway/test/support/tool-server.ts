import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { JsonValue } from "@hsafa/protocol";
import { onTestFinished } from "vitest";
import type { HttpServerTool } from "../../src/adapters/server-tools/http-request.ts";
import { createServerTools } from "../../src/adapters/server-tools/server-tools.ts";
import type { ServerToolOutcome } from "../../src/core/input.ts";
import type { Secrets } from "../../src/ports/secrets.ts";
import { noSecrets } from "./no-secrets.ts";
import { asTenantId } from "../../src/core/tenant-id.ts";

/** A request as a tool's service got it. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}
export type Answer = (received: Received, response: ServerResponse) => void;

/** A service that a tool calls, until the test is over. */
export async function serve(answer: Answer) {
  const received: Received[] = [];
  let closed: () => void = () => {};
  const clientClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one = { method, url, headers, body: Buffer.concat(parts).toString() };
      received.push(one);
      answer(one, response);
    });
    response.on("close", () => {
      if (!response.writableEnded) closed();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, clientClosed };
}

/** Performs one call of an HTTP tool. */
export function perform(
  server: Partial<HttpServerTool>,
  args: JsonValue = {},
  signal = new AbortController().signal,
  { send = fetch, secrets = noSecrets }: { readonly send?: typeof fetch; readonly secrets?: Secrets } = {},
) {
  return createServerTools({ fetch: send, secrets, known: ["key-of-the-gateway-itself"] }).perform({
    tenantId: asTenantId("tenant-1"),
    server: { type: "http", method: "POST", url: "", ...server },
    toolName: "tool",
    args,
    runId: "run-1",
    idempotencyKey: "call-1",
    signal,
  });
}

/** An answer of JSON. */
export const json =
  (value: unknown): Answer =>
  (_, response) => {
    response.setHeader("content-type", "application/json; charset=utf-8").end(JSON.stringify(value));
  };

/** The code of a failure, else how the call ended. */
export function codeOf(outcome: ServerToolOutcome): string {
  return outcome.kind === "failed" ? outcome.error.code : outcome.kind;
}

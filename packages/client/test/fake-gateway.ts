import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { type Client, createClient } from "../src/client.ts";

/** Handles one request, whose body has come. */
export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** An HTTP server that answers as a test says, and remembers its requests. */
export interface FakeGateway {
  readonly url: string;
  readonly requests: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
  }[];
  close(): Promise<void>;
}

/** Each handler answers one request, in order, and the last one answers all that follow. Closes with the test. */
export async function startFakeGateway(...handlers: Handler[]): Promise<FakeGateway> {
  const requests: FakeGateway["requests"] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const handler = handlers[Math.min(requests.length, handlers.length - 1)];
      requests.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      handler?.(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onTestFinished(close);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close,
  };
}

/** Starts a fake gateway, and a client of it. */
export async function startClient(...handlers: Handler[]): Promise<{ client: Client; gateway: FakeGateway }> {
  const gateway = await startFakeGateway(...handlers);
  // The slash at the end is one that people leave there.
  return { client: createClient({ url: `${gateway.url}/`, token: "key" }), gateway };
}

/** Returns a handler that sends JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  };
}

/** Returns a handler that sends a problem document. */
export function problem(status: number, code: string, headers: Record<string, string> = {}): Handler {
  return json(
    status,
    { type: "about:blank", title: code, status, code, detail: `because of ${code}`, requestId: "r" },
    headers,
  );
}

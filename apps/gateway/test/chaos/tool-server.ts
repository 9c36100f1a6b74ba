import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The server that http tools call. It counts executions by call id, and takes some time for each. */
export interface ToolServer {
  readonly url: string;
  /** How often each call was executed, by its idempotency key. */
  readonly executions: ReadonlyMap<string, Executions>;
  close(): Promise<void>;
}

/** Executions of one call. */
export interface Executions {
  readonly tool: string;
  readonly count: number;
  /** When the first began, in milliseconds of the wall clock. */
  readonly firstAt: number;
}

export async function startToolServer({ workMaxMs }: { readonly workMaxMs: number }): Promise<ToolServer> {
  const executions = new Map<string, Executions>();
  const server = createServer((request, response) => {
    const callId = String(request.headers["idempotency-key"]);
    const tool = (request.url ?? "").replace(/^\/|\?.*$/g, "");
    const { count = 0, firstAt = Date.now() } = executions.get(callId) ?? {};
    executions.set(callId, { tool, count: count + 1, firstAt });
    request.resume();
    const timer = setTimeout(() => {
      response.setHeader("content-type", "application/json").end(JSON.stringify({ tool }));
    }, Math.random() * workMaxMs);
    response.on("close", () => clearTimeout(timer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    executions,
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

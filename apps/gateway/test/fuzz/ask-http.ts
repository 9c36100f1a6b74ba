import { Agent, request } from "node:http";
import { fine, type Outcome } from "./door.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const ANSWER_MAX_MS = 30_000;
const SERVER_ERROR = 500;

/** A request as a door throws it. */
export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Asks over connections that stay open. A stream that has begun is left at once. */
export function askHttp(target: FuzzTarget): { ask(request: FuzzRequest): Promise<Outcome>; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const ask = ({ method, path, headers = {}, body }: FuzzRequest): Promise<Outcome> =>
    new Promise((resolve) => {
      const sent = request(new URL(target.url).origin, {
        agent,
        method,
        path,
        headers: { authorization: `Bearer ${target.key}`, ...headers },
        timeout: ANSWER_MAX_MS,
      });
      sent.on("timeout", () => {
        resolve({ status: "no answer", fault: `no answer within ${ANSWER_MAX_MS} ms` });
        sent.destroy();
      });
      sent.on("error", (error) => {
        // The gateway cuts what is no HTTP, or too much of it; it must be there afterwards.
        const ended = target.ended();
        resolve({ status: "cut", fault: ended ?? (/ECONNREFUSED/.test(String(error)) ? String(error) : null) });
      });
      sent.on("response", (response) => {
        const status = response.statusCode ?? 0;
        const fault = status >= SERVER_ERROR ? `${method} ${path} answered ${status}` : null;
        const isStream = response.headers["content-type"]?.startsWith("text/event-stream") === true;
        if (isStream) {
          resolve(fine(String(status)));
          sent.destroy();
          return;
        }
        response.resume();
        response.on("end", () => resolve({ status: String(status), fault }));
        response.on("error", () => resolve(fine("cut")));
      });
      sent.end(body);
    });
  return { ask, close: () => agent.destroy() };
}

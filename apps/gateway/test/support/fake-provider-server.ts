import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** Breaks the socket. */
export const CUT = Symbol("cut");
/** Sends nothing more while the client stays connected. */
export const HOLD = Symbol("hold");
/** One action of the provider: bytes, a pause, or one of the above. */
export type Chunk = string | Uint8Array | { readonly pauseMs: number } | typeof CUT | typeof HOLD;

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly chunks: readonly Chunk[];
}

/**
 * A model provider on a real socket. It plays one reply for each request, and the last one for all further requests.
 */
export async function startFakeProvider(...replies: readonly Reply[]) {
  return startFakeProviderAt(0, ...replies);
}

/** Starts one at this port. */
export async function startFakeProviderAt(port: number, ...replies: readonly Reply[]) {
  const requests: ReceivedRequest[] = [];
  let served = 0;
  let closedByClient: () => void = () => {};
  const clientClosed = new Promise<void>((resolve) => {
    closedByClient = resolve;
  });

  const play = async (response: ServerResponse, reply: Reply): Promise<void> => {
    response.writeHead(reply.status ?? 200, { "content-type": "text/event-stream", ...reply.headers });
    response.flushHeaders();
    for (const chunk of reply.chunks) {
      if (response.destroyed || chunk === HOLD) return;
      if (chunk === CUT) {
        response.destroy();
        return;
      }
      if (typeof chunk === "object" && "pauseMs" in chunk) await pause(chunk.pauseMs);
      else response.write(chunk);
    }
    response.end();
  };

  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const text = Buffer.concat(parts).toString();
      const body = JSON.parse(text) as Record<string, unknown>;
      requests.push({ path: request.url ?? "", headers: request.headers, body });
      const reply = replies[Math.min(served, replies.length - 1)];
      served += 1;
      if (reply !== undefined) void play(response, reply);
    });
    response.on("close", () => {
      if (!response.writableEnded) closedByClient();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    /** Resolves once a client has left before the end of its response. */
    clientClosed,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** One server-sent event with a JSON payload. */
export function sse(data: unknown, event?: string): string {
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** One chunk of OpenAI's chat completions. */
export function chatChunk(delta: unknown, more: Readonly<Record<string, unknown>> = {}): string {
  const { finish_reason = null, ...rest } = more;
  return sse({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model: "fake-1",
    choices: [{ index: 0, delta, finish_reason }],
    ...rest,
  });
}

/** The last chunks of OpenAI's chat completions, with usage. */
export function chatEnd(finishReason = "stop"): string {
  const usage = {
    prompt_tokens: 11,
    completion_tokens: 7,
    total_tokens: 18,
    prompt_tokens_details: { cached_tokens: 5 },
    completion_tokens_details: { reasoning_tokens: 3 },
  };
  return `${chatChunk({}, { finish_reason: finishReason })}${sse({ id: "chatcmpl-1", created: 1, model: "fake-1", choices: [], usage })}data: [DONE]\n\n`;
}

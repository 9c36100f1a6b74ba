import { once } from "node:events";
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { SeenRequest } from "./judge-stream-case.ts";
import type { StreamFault } from "./stream-case.ts";

/** Stands between a program that follows a run and a gateway. It does to the stream what a case asks for. */
export interface StreamRelay {
  /** What the program gets as `HSAFA_URL`. */
  readonly url: string;
  /** The requests for a stream. */
  readonly requests: readonly SeenRequest[];
  close(): Promise<void>;
}

const IS_STREAM = /^\/api\/runs\/[^/]+\/stream(\?|$)/;

export async function openStreamRelay(params: {
  readonly gatewayUrl: string;
  readonly faults: readonly StreamFault[];
}): Promise<StreamRelay> {
  const { gatewayUrl, faults } = params;
  const requests: { after: string | null; lastSent: string | null }[] = [];
  const upstreams = new Set<ReturnType<typeof ask>>();

  /** Asks the gateway the same, and hands over its response. */
  function forward(request: IncomingMessage, path: string, take: (answer: IncomingMessage) => void): void {
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const upstream = ask(new URL(path, gatewayUrl), { method: request.method, headers });
    upstreams.add(upstream);
    upstream.on("response", take);
    upstream.on("close", () => upstreams.delete(upstream));
    // The program learns it by the end of its own connection.
    upstream.on("error", () => request.socket.destroy());
    request.pipe(upstream);
    request.on("close", () => request.complete || upstream.destroy());
  }

  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    if (!IS_STREAM.test(path)) {
      forward(request, path, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      return;
    }
    const after = request.headers["last-event-id"] ?? new URL(path, gatewayUrl).searchParams.get("after");
    const seen = { after: (Array.isArray(after) ? after[0] : after) ?? null, lastSent: null as string | null };
    const nth = requests.push(seen);
    const own = faults.filter((fault) => fault.request === nth);
    const first = own.find(({ afterEvents }) => afterEvents === 0);
    if (first?.do === "refuse") {
      request.socket.destroy();
    } else if (first?.do === "answer-empty") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end("retry: 50\n\n");
    } else {
      relayStream({ request, response, faults: own, seen, forward, path });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async close() {
      for (const upstream of upstreams) upstream.destroy();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function relayStream(params: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly faults: readonly StreamFault[];
  readonly seen: { lastSent: string | null };
  readonly forward: (request: IncomingMessage, path: string, take: (answer: IncomingMessage) => void) => void;
  readonly path: string;
}): void {
  const { request, response, faults, seen, forward, path } = params;
  let events = 0;
  let isDeaf = false;
  let inSingleBytes = faults.some((fault) => fault.do === "single-bytes" && fault.afterEvents === 0);

  /** Each byte is a write of its own. The kernel may still join some. */
  function write(text: string): void {
    if (!inSingleBytes) return void response.write(text);
    const bytes = Buffer.from(text, "utf8");
    for (const byte of bytes) response.write(Buffer.of(byte));
  }

  /** Passes one block on. Returns false if nothing more of this answer is to be passed on. */
  function pass(block: string, answer: IncomingMessage): boolean {
    const id = /^id: ?(.*)$/m.exec(block)?.[1] ?? null;
    const fault = id === null ? undefined : faults.find((one) => one.afterEvents === events && events > 0);
    const stop = (): false => {
      answer.destroy();
      return false;
    };
    switch (fault?.do) {
      case "cut":
        // What was written must be on its way before. This comment ends nothing.
        response.write(":\n", () => response.destroy());
        return stop();
      case "cut-within":
        response.write(block.slice(0, Math.floor(block.length / 2)), () => response.destroy());
        return stop();
      case "inject":
        write(fault.text);
        break;
      case "single-bytes":
        inSingleBytes = true;
        break;
      case "go-deaf":
        isDeaf = true;
        return stop();
      case "rewind": {
        const runId = path.split("/")[3] ?? "";
        const data = { runId, type: "stream.rewound", ts: new Date().toISOString(), data: { after: seen.lastSent } };
        write(`data: ${JSON.stringify(data)}\n\n`);
        answer.destroy();
        events = Number.POSITIVE_INFINITY;
        delete request.headers["last-event-id"];
        forward(request, `/api/runs/${runId}/stream`, relay);
        return false;
      }
      default:
    }
    if (isDeaf) return false;
    write(block);
    if (id !== null) {
      events += 1;
      seen.lastSent = id;
    }
    return true;
  }

  function relay(answer: IncomingMessage): void {
    if (!response.headersSent) response.writeHead(answer.statusCode ?? 502, answer.headers);
    let rest = "";
    let isOver = false;
    answer.setEncoding("utf8").on("data", (text: string) => {
      const blocks = `${rest}${text}`.split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) if (!isOver) isOver = !pass(`${block}\n\n`, answer);
    });
    answer.on("end", () => {
      if (!isOver) response.end(rest);
    });
    answer.on("error", () => {});
    answer.on("close", () => {
      if (!answer.complete && !isOver && !isDeaf) response.destroy();
    });
  }
  forward(request, path, relay);
}

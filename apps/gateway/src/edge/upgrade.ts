import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { ERRORS, type ErrorCode } from "@hsafa/protocol";
import { isOriginAllowed } from "./origin.ts";

/** Takes over a connection that asks to become a WebSocket. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Hands WebSocket requests to whoever serves their path, once their `Origin` was found allowed; answers all others and closes them. */
export function dispatchUpgrades(
  server: Server,
  params: { readonly handlers: ReadonlyMap<string, UpgradeHandler>; readonly allowedOrigins: readonly string[] },
): void {
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // A peer that goes away meanwhile is no fault of ours; without a listener it would end the process.
    socket.on("error", () => {});
    const [path = ""] = (request.url ?? "").split("?", 1);
    const handle = params.handlers.get(path);
    if (handle === undefined) {
      const paths = [...params.handlers.keys()].join(" and ");
      return refuseUpgrade(socket, "not_found", `No WebSocket is served at this path; there are ${paths}.`);
    }
    const { origin, host } = request.headers;
    if (!isOriginAllowed(origin, host, params.allowedOrigins)) {
      return refuseUpgrade(
        socket,
        "forbidden",
        "Pages of this origin may not connect; an operator names them in HSAFA_ALLOWED_ORIGINS.",
      );
    }
    handle(request, socket, head);
  });
}

function refuseUpgrade(socket: Duplex, code: ErrorCode, detail: string): void {
  const { status, title } = ERRORS[code];
  const body = JSON.stringify({ type: `urn:hsafa:error:${code}`, title, status, code, detail });
  const head = `HTTP/1.1 ${status} ${status === 404 ? "Not Found" : "Forbidden"}\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  socket.end(head + body, () => socket.destroy());
}

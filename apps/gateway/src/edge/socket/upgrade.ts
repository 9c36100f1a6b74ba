import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { sendBareProblem } from "./bare-problem.ts";
import { UNKNOWN_HOST } from "../allowed-hosts.ts";
import { isOriginAllowed } from "../origin.ts";

/** Takes over a connection that asks to become a WebSocket. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/**
 * Hands each WebSocket request to the handler of its path, once its `Origin` is allowed. All others get a problem
 * document.
 */
export function dispatchUpgrades(
  server: Server,
  params: {
    readonly handlers: ReadonlyMap<string, UpgradeHandler>;
    readonly allowedOrigins: readonly string[];
    readonly isHostAllowed: (host: string | undefined) => boolean;
    /** Called with the origin of a page that was refused, and the path that it asked for. */
    readonly onRefusedOrigin?: (origin: string, path: string) => void;
  },
): void {
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // The peer may go away before a handler has taken over; without a listener that would end the process.
    socket.on("error", () => {});
    const [path = ""] = (request.url ?? "").split("?", 1);
    const handle = params.handlers.get(path);
    if (handle === undefined) {
      const paths = [...params.handlers.keys()].join(" and ");
      const detail = `No WebSocket is served at this path; there are ${paths}.`;
      return sendBareProblem(socket, { code: "not_found", detail });
    }
    const { origin, host } = request.headers;
    if (!params.isHostAllowed(host)) return sendBareProblem(socket, { code: "forbidden", detail: UNKNOWN_HOST });
    if (!isOriginAllowed(origin, host, params.allowedOrigins)) {
      params.onRefusedOrigin?.(origin ?? "", path);
      const detail = "Pages of this origin may not connect; an operator names them in HSAFA_ALLOWED_ORIGINS.";
      return sendBareProblem(socket, { code: "forbidden", detail });
    }
    handle(request, socket, head);
  });
}

import { createServer, type Server } from "node:http";
import { refuse } from "../../access/refusal.ts";
import { UNKNOWN_HOST } from "../allowed-hosts.ts";
import { METRICS_CONNECTIONS_MAX, REQUEST_HEAD_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from "../limits.ts";
import { sendBareProblem } from "../socket/bare-problem.ts";
import { isMetricsReader, METRICS_TYPE } from "./metrics-reader.ts";

/** Serves the metrics on a port of their own, and nothing else. It does not listen yet. */
export function createMetricsServer(deps: {
  readonly metricsText: () => Promise<string>;
  /** Null: anybody reads them. */
  readonly metricsKey: string | null;
  readonly isHostAllowed: (host: string | undefined) => boolean;
}): Server {
  const server = createServer(
    { headersTimeout: REQUEST_HEAD_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      request.resume();
      const problem = problemOf();
      if (problem !== null) return sendBareProblem(response.socket ?? request.socket, problem);
      void deps.metricsText().then(
        (text) => response.writeHead(200, { "content-type": METRICS_TYPE, "cache-control": "no-store" }).end(text),
        () => response.destroy(),
      );

      function problemOf() {
        if (!deps.isHostAllowed(request.headers.host)) return refuse("forbidden", UNKNOWN_HOST);
        if (request.method !== "GET" || request.url !== "/metrics")
          return refuse("not_found", "Only GET /metrics is served here.");
        return isMetricsReader(request.headers.authorization, deps.metricsKey)
          ? null
          : refuse("unauthenticated", "Send 'Authorization: Bearer <HSAFA_METRICS_KEY>'.");
      }
    },
  );
  server.maxConnections = METRICS_CONNECTIONS_MAX;
  return server;
}

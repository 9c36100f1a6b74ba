import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from "node:http";
import type { Socket } from "node:net";
import Fastify, {
  type ConnectionError,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { notFound, type Refusal, refuse } from "../../access/refusal.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import {
  KEEP_ALIVE_TIMEOUT_MS,
  PATH_PARAMETER_CHARACTERS_MAX,
  REQUEST_HEAD_TIMEOUT_MS,
  REQUEST_TIMEOUT_CHECK_MS,
  UPLOAD_TIMEOUT_MS,
} from "../limits.ts";
import { sendBareProblem } from "../socket/bare-problem.ts";
import { UNKNOWN_HOST } from "../allowed-hosts.ts";
import { applyCors, refusedOriginOf, sendPreflight } from "./cors.ts";
import type { EdgeDeps } from "./deps.ts";
import type { HttpConnections } from "./http-connections.ts";
import { sendProblem } from "./problem.ts";
import type { Route } from "./route.ts";
import { apiRoutes } from "./api-routes.ts";
import { isConsoleAddress, sendConsole } from "./console.ts";
import { healthRoutes } from "./routes/health.ts";
import { RequestTurns } from "./request-turns.ts";
import { servedInMs } from "./send-events.ts";
import { SlowBodies } from "./slow-bodies.ts";
import { TOO_SLOW } from "./too-slow.ts";
import { serveRoute } from "./serve-route.ts";

/** An HTTP server on Fastify, with a pino logger. */
export type HttpServer = FastifyInstance;

/** One served request. `route` is a path of the table, so there are few of them. */
export interface ServedRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  /** The origin of a page that may not read the response; `null`: who asked may. */
  readonly refusedOrigin: string | null;
}

/**
 * Makes the HTTP server with every route of the table. `others` registers the routes that other parts of the edge serve
 * (streams). It does not listen yet.
 */
export function createHttpServer(
  deps: EdgeDeps,
  options: {
    readonly logger: FastifyBaseLogger;
    readonly onServed: (request: ServedRequest) => void;
    readonly others: (app: HttpServer) => void;
  },
): HttpServer {
  const app: HttpServer = Fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    genReqId: () => deps.clock.newId(),
    requestIdHeader: false,
    routerOptions: { maxParamLength: PATH_PARAMETER_CHARACTERS_MAX },
    serverFactory: (serve) => listenInTurn(serve, deps.limits.connections),
    clientErrorHandler: sendClientError,
    // While the gateway drains, requests on open connections are served as before.
    return503OnClosing: false,
    // When the server closes, idle connections are closed at once. Requests under way end by themselves.
    forceCloseConnections: "idle",
    frameworkErrors: (_error, request, reply) => {
      reply.header("x-request-id", request.id);
      void sendProblem(reply, notFound("path"));
    },
  });
  // Routes read their bodies themselves, after the credential was checked.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _payload, done) => done(null));

  const slowBodies = new SlowBodies(deps.clock);
  app.addHook("onRequest", (request, reply, done) => {
    slowBodies.watch(request.raw);
    reply.headers({
      "x-request-id": request.id,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      // Nothing is framed. Pages also say what they load.
      "content-security-policy": "frame-ancestors 'none'",
      "cache-control": "no-store",
    });
    applyCors(request, reply, deps.allowedOrigins);
    if (deps.isHostAllowed(request.headers.host) || PROBED.has(request.url)) return done();
    void sendProblem(reply, refuse("forbidden", UNKNOWN_HOST));
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "unknown";
    const { method } = request;
    const refusedOrigin = refusedOriginOf(request.headers, deps.allowedOrigins);
    const durationMs = servedInMs(reply);
    options.onServed({ method, route, status: reply.statusCode, durationMs, refusedOrigin });
    request.log.debug({ method, route, status: reply.statusCode, durationMs }, "request served");
    done();
  });
  app.setNotFoundHandler(async (request, reply) => {
    if (isConsoleAddress(request)) {
      const tooMany = deps.limits.countStranger(request.raw, null);
      return tooMany === null ? sendConsole(reply) : sendProblem(reply, await deps.limits.slow(tooMany));
    }
    const missing = refuse("not_found", `Nothing is served at ${request.method} of this path; see /docs.`);
    return sendProblem(reply, await deps.limits.slow(deps.limits.countStranger(request.raw, missing)));
  });
  app.setErrorHandler(sendError);

  const routes = [...apiRoutes, ...healthRoutes];
  for (const route of routes) serveRoute(app, { ...deps, slowBodies }, route);
  options.others(app);
  for (const path of new Set(routes.map((route) => route.path))) refuseOtherMethods(app, path, routes, deps);
  return app;
}

/**
 * Makes the server beneath: it has time-outs, serves the requests of one connection one after the other, and bounds its
 * connections.
 */
function listenInTurn(serve: RequestListener, connections: HttpConnections): Server {
  const turns = new RequestTurns(serve, (socket) => connections.cut(socket));
  const options: ServerOptions & { shouldUpgradeCallback: (request: IncomingMessage) => boolean } = {
    headersTimeout: REQUEST_HEAD_TIMEOUT_MS,
    // That of uploads. All other bodies have less time (`SlowBodies`).
    requestTimeout: UPLOAD_TIMEOUT_MS,
    connectionsCheckingInterval: REQUEST_TIMEOUT_CHECK_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // A client that offers another protocol than WebSocket by `Upgrade` is served over HTTP/1.1 (where Node knows this
    // option).
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
  };
  const server = createServer(options, turns.take);
  server.on("connection", (socket: Socket) => connections.opened(socket));
  server.on("upgrade", ({ socket }: IncomingMessage) => connections.left(socket));
  return server;
}

/** Load balancers ask for these by address. They say nothing that is worth a disguise. */
const PROBED: ReadonlySet<string> = new Set(["/health", "/ready"]);

/** Serves OPTIONS on a path, and refuses the methods that it does not have with 405 and a list of those it has. */
function refuseOtherMethods(app: HttpServer, path: string, routes: readonly Route[], deps: EdgeDeps): void {
  const here = routes.filter((route) => route.path === path);
  const own = new Set(here.map(({ method }) => method as string));
  // A stream has no head without its body.
  if (here.some(({ method, access }) => method === "GET" && access !== "elsewhere")) own.add("HEAD");
  const allow = [...own, "OPTIONS"].join(", ");
  const others = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].filter((method) => !own.has(method));
  app.route({
    method: "OPTIONS",
    url: path,
    handler: (request, reply) => sendPreflight(request, reply, { allow, allowedOrigins: deps.allowedOrigins }),
  });
  app.route({
    method: others,
    url: path,
    handler: (request, reply) =>
      sendProblem(
        reply.header("allow", allow),
        refuse("method_not_allowed", `${request.method} is not allowed here; this path takes ${allow}.`),
      ),
  });
}

/** Responds to what could not be read as HTTP at all. */
function sendClientError(error: ConnectionError, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return sendBareProblem(socket, TOO_SLOW);
  const [status, detail] = CLIENT_ERRORS[error.code] ?? [400, "This cannot be read as HTTP."];
  sendBareProblem(socket, { code: "invalid_request", status, detail });
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "The headers, or the address, are too long; send less."],
};

function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  // The client is gone: nobody reads the response, and nothing went wrong here.
  if (request.raw.destroyed && !request.raw.complete)
    return void sendProblem(reply, refuse("invalid_request", "The request ended early."));
  void sendProblem(reply, refusalOf(error, request));
}

function refusalOf(error: FastifyError, request: FastifyRequest): Refusal {
  if (error instanceof StoreUnavailable) {
    request.log.warn({ err: error }, "the store is away");
    return refuse("unavailable", "The store is away just now; send the same request again.");
  }
  if (error.code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return refuse("unsupported_media_type", "The Content-Type is none; send 'application/json'.");
  }
  if (error.statusCode !== undefined && error.statusCode < 500) return refuse("invalid_request", error.message);
  request.log.error({ err: error }, "a request failed");
  return refuse("internal", `Nothing can be done from outside; tell the operator the request id ${request.id}.`);
}

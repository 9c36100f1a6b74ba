import type { Readable } from "node:stream";
import type { Scope } from "@hsafa/protocol";
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import type { CredentialLife } from "../../access/credential-life.ts";
import type { Principal } from "../../access/principal.ts";
import type { Refusal } from "../../access/refusal.ts";
import type { Sink, WatcherHandle } from "../../follow/sink.ts";
import type { ConstantPage } from "./constant-page.ts";
import type { EdgeDeps } from "./deps.ts";

/** What a route returns: the response when it did what was asked, else a refusal. */
export type RouteResponse =
  | {
      readonly kind: "json";
      readonly status: number;
      readonly body: object;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A text that is the body already. */
  | {
      readonly kind: "text";
      readonly status: number;
      readonly mediaType: string;
      readonly text: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** A body that is read as it is taken. `bytesInHand`: of it, at most at once. */
  | {
      readonly kind: "stream";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly stream: Readable;
      readonly bytesInHand: number;
    }
  /** Server-sent events of a run, from the first one until its end. */
  | {
      readonly kind: "events";
      readonly headers: Readonly<Record<string, string>>;
      /** Whose credential it ends with. */
      readonly credential: CredentialLife;
      /** Begins to write. It is called once, unless the client has gone. */
      readonly watch: (sink: Sink) => WatcherHandle;
    }
  /** A body that is the same for every request. */
  | { readonly kind: "constant"; readonly page: ConstantPage }
  | { readonly kind: "empty"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | Refusal;

/** One response of a route, for OpenAPI. */
export interface DocumentedResponse {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** `application/json` if left out. */
  readonly mediaType?: string;
}

/** A header that a route reads, beside those of every request. */
export type RouteHeader = "Idempotency-Key" | "Last-Event-ID";

export interface RouteCall<Query, Body> {
  readonly deps: EdgeDeps;
  readonly principal: Principal;
  readonly request: FastifyRequest;
  /** By name, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** Undefined also for a route that takes none. */
  readonly idempotencyKey: string | undefined;
}

/** What the table says of every route. */
interface RouteText {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With `:name` for what varies. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly responses: Readonly<Record<number, DocumentedResponse>>;
}

/** What the table says of a route's request. */
interface RouteInput {
  readonly query: z.ZodObject | null;
  readonly body: z.ZodType | null;
  /** The media type of a body that the route reads itself, piece by piece; null: there is none. */
  readonly rawBody: string | null;
  readonly headers: readonly RouteHeader[];
}

/** A route that needs a credential. */
export interface ScopedRoute extends RouteText, RouteInput {
  readonly access: "scoped";
  /** Any of these; empty: any valid credential. */
  readonly scopes: readonly Scope[];
  /** Whether a token bound to a run, a thread or a device is refused. */
  readonly unbound: boolean;
  readonly handle: (call: RouteCall<unknown, unknown>) => Promise<RouteResponse>;
}

/** A route that anyone may call. */
export interface OpenRoute extends RouteText, RouteInput {
  readonly access: "open";
  /** Whether no rate holds: for what load balancers ask, who come from few addresses. */
  readonly isUncounted: boolean;
  readonly handle: (deps: EdgeDeps, request: FastifyRequest) => Promise<RouteResponse>;
}

/** A route that another part of the edge serves. The table has its path, its scopes and its documentation. */
export interface ElsewhereRoute extends RouteText, RouteInput {
  readonly access: "elsewhere";
  readonly scopes: readonly Scope[];
}

/** A call of the API as the table holds it: enough to serve it and to document it. */
export type Route = ScopedRoute | OpenRoute | ElsewhereRoute;

/** Makes a scoped route. Its handler is given what its schemas made of the request. */
export function scoped<Query extends z.ZodObject = z.ZodObject, Body extends z.ZodType = z.ZodType>(
  route: RouteText & {
    readonly scopes: readonly Scope[];
    readonly unbound?: boolean;
    readonly query?: Query;
    readonly body?: Body;
    readonly rawBody?: string;
    readonly headers?: readonly RouteHeader[];
    readonly handle: (call: RouteCall<z.output<Query>, z.output<Body>>) => Promise<RouteResponse>;
  },
): ScopedRoute {
  const { query = null, body = null, rawBody = null, unbound = false, headers = [], handle, ...rest } = route;
  return {
    ...rest,
    access: "scoped",
    query,
    body,
    rawBody,
    unbound,
    headers,
    // The dispatcher parses with these very schemas before it calls.
    handle: (call) => handle(call as RouteCall<z.output<Query>, z.output<Body>>),
  };
}

/** Makes an open route. */
export function open(
  route: RouteText & Pick<OpenRoute, "handle"> & Partial<Pick<OpenRoute, "isUncounted">>,
): OpenRoute {
  return { isUncounted: false, ...route, access: "open", query: null, body: null, rawBody: null, headers: [] };
}

/** A route's path with its names filled in. The values have no character that a path would have to escape. */
export function pathOf(path: string, params: Readonly<Record<string, string>>): string {
  return path.replaceAll(/:(\w+)/g, (_, name: string) => params[name] ?? "");
}

/** Makes a JSON response. */
export function json(status: number, body: object, headers?: Readonly<Record<string, string>>): RouteResponse {
  return headers === undefined ? { kind: "json", status, body } : { kind: "json", status, body, headers };
}

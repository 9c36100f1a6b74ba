import type { Scope } from "@hsafa/protocol";
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Principal } from "../../access/principal.ts";
import type { Refusal } from "../../access/refusal.ts";
import type { EdgeDeps } from "./deps.ts";

/** What a route answers when it does what was asked; everything else is a refusal. */
export type Answer =
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
  | { readonly kind: "empty"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | Refusal;

/** One answer that OpenAPI tells of. */
export interface DocumentedAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** `application/json` unless it says otherwise. */
  readonly mediaType?: string;
}

export interface RouteCall<Query, Body> {
  readonly deps: EdgeDeps;
  readonly principal: Principal;
  readonly request: FastifyRequest;
  /** By name, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
}

interface RouteText {
  readonly method: "GET" | "POST" | "DELETE";
  /** With `:name` for what varies. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
}

/** A call of the API as the table holds it: enough to serve it and to document it. */
export type Route = RouteText & {
  readonly query: z.ZodObject | null;
  readonly body: z.ZodType | null;
  /** Whether it takes an `Idempotency-Key`. */
  readonly isIdempotent: boolean;
} & (
    | {
        readonly access: "scoped";
        /** Any of these; empty: any valid credential. */
        readonly scopes: readonly Scope[];
        /** Whether a token bound to a run, a thread or a device may call it. */
        readonly unbound: boolean;
        readonly handle: (call: RouteCall<unknown, unknown>) => Promise<Answer>;
      }
    | { readonly access: "open"; readonly handle: (deps: EdgeDeps, request: FastifyRequest) => Promise<Answer> }
    /** Served by another part of the edge, and listed here for its path and its documentation. */
    | { readonly access: "elsewhere"; readonly scopes: readonly Scope[] }
  );

/** A route that needs a credential; its handler is given what its schemas made of the request. */
export function scoped<Query extends z.ZodObject = z.ZodObject, Body extends z.ZodType = z.ZodType>(
  route: RouteText & {
    readonly scopes: readonly Scope[];
    readonly unbound?: boolean;
    readonly query?: Query;
    readonly body?: Body;
    readonly isIdempotent?: boolean;
    readonly handle: (call: RouteCall<z.output<Query>, z.output<Body>>) => Promise<Answer>;
  },
): Route {
  const { query = null, body = null, unbound = false, isIdempotent = false, handle, ...rest } = route;
  return {
    ...rest,
    access: "scoped",
    query,
    body,
    unbound,
    isIdempotent,
    // The dispatcher parses with these very schemas before it calls.
    handle: (call) => handle(call as RouteCall<z.output<Query>, z.output<Body>>),
  };
}

/** A route that anyone may call. */
export function open(
  route: RouteText & { readonly handle: (deps: EdgeDeps, request: FastifyRequest) => Promise<Answer> },
): Route {
  return { ...route, access: "open", query: null, body: null, isIdempotent: false };
}

/** A JSON answer. */
export function json(status: number, body: object, headers?: Readonly<Record<string, string>>): Answer {
  return headers === undefined ? { kind: "json", status, body } : { kind: "json", status, body, headers };
}

import type { Scope } from "@hsafa/protocol";
import type { FastifyRequest } from "fastify";
import { hasScope, isBound } from "../../access/access-rules.ts";
import type { Authenticate } from "../../access/authenticate.ts";
import type { Principal } from "../../access/principal.ts";
import { type Refusal, refuse } from "../../access/refusal.ts";
import { isOriginAllowed } from "../origin.ts";

export const COOKIE_NAME = "hsafa_token";

export interface CredentialsDeps {
  readonly authenticate: Authenticate;
  readonly allowedOrigins: readonly string[];
}

/** What a route asks of whoever calls it. */
export interface Requirement {
  /** One of these, or `admin`; empty: any valid credential. */
  readonly scopes: readonly Scope[];
  /** Whether it serves the tenant at large, which a token that names a run, a thread or a device does not see. */
  readonly unbound?: boolean;
}

export type Admission = { readonly kind: "admitted"; readonly principal: Principal } | Refusal;

/**
 * Says who makes a request and whether they may. A bearer credential counts first; the cookie that a browser's own
 * EventSource needs counts for reading runs only, and from allowed origins only.
 */
export async function admitRequest(
  deps: CredentialsDeps,
  request: FastifyRequest,
  { scopes, unbound }: Requirement,
): Promise<Admission> {
  const bearer = bearerOf(request);
  const cookie = bearer === null ? cookieOf(request, deps.allowedOrigins, scopes) : null;
  const credential = bearer ?? cookie;
  if (credential === null) {
    return refuse("unauthenticated", "Send 'Authorization: Bearer <API key or token>' with the request.");
  }
  const authentication = await deps.authenticate(credential);
  if (authentication.kind === "refused") return refuse("unauthenticated", authentication.reason);
  const principal = cookie === null ? authentication.principal : readingOnly(authentication.principal);
  if (scopes.length > 0 && !hasScope(principal, scopes)) {
    return refuse("forbidden", `This needs the scope ${scopes.join(" or ")}; use a key or token that holds it.`);
  }
  if (unbound === true && isBound(principal)) {
    return refuse("forbidden", "The token is bound to a run, a thread or a device, and this is the whole tenant's.");
  }
  return { kind: "admitted", principal };
}

/** The credential of `Authorization: Bearer …`, or null. */
export function bearerOf(request: FastifyRequest): string | null {
  const match = /^Bearer +([\x21-\x7e]+) *$/i.exec(request.headers.authorization ?? "");
  return match?.[1] ?? null;
}

function cookieOf(request: FastifyRequest, allowedOrigins: readonly string[], scopes: readonly Scope[]): string | null {
  const { cookie, origin, host } = request.headers;
  const isReading = (request.method === "GET" || request.method === "HEAD") && scopes.includes("runs:read");
  if (cookie === undefined || !isReading || !isOriginAllowed(origin, host, allowedOrigins)) return null;
  for (const pair of cookie.split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === COOKIE_NAME && value !== undefined && value !== "") return value;
  }
  return null;
}

function readingOnly(principal: Principal): Principal {
  return { ...principal, scopes: hasScope(principal, ["runs:read"]) ? ["runs:read"] : [] };
}

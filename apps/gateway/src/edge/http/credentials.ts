import type { Scope } from "@hsafa/protocol";
import type { FastifyRequest } from "fastify";
import { type Admission, admit, type Requirement } from "../../access/admit.ts";
import type { Authenticate } from "../../access/authenticate.ts";
import type { TokenSecrets } from "../../access/browser-token.ts";
import { refuse } from "../../access/refusal.ts";
import { openSession } from "../../access/sealed-session.ts";
import type { Clock } from "../../ports/clock.ts";
import { isOriginAllowed } from "../origin.ts";
import type { RequestLimits } from "./request-limits.ts";
import { bearerIn } from "./bearer-in.ts";
import { sessionIn } from "./session-cookie.ts";

export const COOKIE_NAME = "hsafa_token";

export interface CredentialsDeps {
  readonly authenticate: Authenticate;
  readonly tokenSecrets: TokenSecrets;
  readonly clock: Pick<Clock, "now">;
  readonly allowedOrigins: readonly string[];
  readonly limits: RequestLimits;
}

/**
 * Says who makes a request and whether it meets the requirement, and counts it against the rates. One that was not
 * admitted counts for its address, any other for its principal and tenant.
 */
export async function admitRequest(
  deps: CredentialsDeps,
  request: FastifyRequest,
  requirement: Requirement,
): Promise<Admission> {
  const { limits } = deps;
  const admission = await identify(deps, request, requirement);
  if (admission.kind === "admitted") {
    // What goes wrong from here on is logged as this tenant's.
    request.log = request.log.child({ tenantId: admission.principal.tenantId });
    const tooMany = limits.countPrincipal(request.raw, admission.principal);
    return tooMany === null ? admission : limits.slow(tooMany);
  }
  const isStranger = admission.code === "unauthenticated" || admission.code === "forbidden";
  return limits.slow(isStranger ? limits.countStranger(request.raw, admission) : admission);
}

/**
 * A bearer credential counts first, then a session of the console. The cookie, which a browser's own EventSource needs,
 * counts for reading runs only, and from allowed origins only.
 */
async function identify(deps: CredentialsDeps, request: FastifyRequest, requirement: Requirement): Promise<Admission> {
  const bearer = bearerOf(request);
  const from = deps.limits.addressOf(request.raw);
  if (bearer !== null) return admit(deps, bearer, { ...requirement, from });
  const sealed = sessionIn(request);
  const session = sealed === null ? null : await openSession(deps.tokenSecrets, sealed, deps.clock.now());
  if (session !== null) return admit(deps, session.credential, { ...requirement, from });
  const cookie = cookieOf(request, deps.allowedOrigins, requirement);
  if (cookie === null) {
    return refuse("unauthenticated", "Send 'Authorization: Bearer <API key or token>' with the request.");
  }
  // Of the token's scopes `runs:read` alone counts, even where it holds more.
  const scopes = ["runs:read"] as const;
  const admission = await admit(deps, cookie, { ...requirement, scopes, from });
  if (admission.kind === "refused") return admission;
  return { kind: "admitted", principal: { ...admission.principal, scopes } };
}

/** The credential of `Authorization: Bearer …`, or null. */
export function bearerOf(request: FastifyRequest): string | null {
  return bearerIn(request.headers.authorization);
}

/** Whether a call is made with the cookie too: one that reads runs. */
export function takesCookie(method: string, scopes: readonly Scope[]): boolean {
  return (method === "GET" || method === "HEAD") && scopes.includes("runs:read");
}

function cookieOf(request: FastifyRequest, allowedOrigins: readonly string[], { scopes }: Requirement): string | null {
  const { cookie, origin, host } = request.headers;
  if (cookie === undefined || !takesCookie(request.method, scopes)) return null;
  if (!isOriginAllowed(origin, host, allowedOrigins)) return null;
  for (const pair of cookie.split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === COOKIE_NAME && value !== undefined && value !== "") return value;
  }
  return null;
}

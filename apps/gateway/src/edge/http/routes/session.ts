import type { Session } from "@hsafa/protocol";
import { sessionSchema, sessionStateSchema } from "@hsafa/protocol/schema";
import type { FastifyRequest } from "fastify";
import { admit } from "../../../access/admit.ts";
import { SESSION_CHARACTERS_MAX, SESSION_LIFE_MS } from "../../../access/limits.ts";
import type { Principal } from "../../../access/principal.ts";
import { refuse } from "../../../access/refusal.ts";
import { openSession, sealSession } from "../../../access/sealed-session.ts";
import { cameByTls } from "../came-by-tls.ts";
import { isOwnPage, sessionCookie, sessionIn } from "../session-cookie.ts";
import { bearerOf } from "../credentials.ts";
import type { EdgeDeps } from "../deps.ts";
import { isFromOwnMachine } from "../own-machine.ts";
import { json, open, type Route, type RouteResponse, scoped } from "../route.ts";

const tag = "Console";
const FOREIGN_PAGE = refuse("forbidden", "Only pages of the gateway itself have a session.");

/** The session of the console: a key or token as a cookie that no script reads. */
export const sessionRoutes: readonly Route[] = [
  open({
    method: "GET",
    path: "/api/session",
    tag,
    summary: "Who is signed in at the console of this browser",
    responses: { 200: { description: "The session, or null", schema: sessionStateSchema } },
    async handle(deps, request) {
      const found = await sessionOf(deps, request);
      if (found !== null && "kind" in found) return found;
      return json(200, { session: found?.session ?? null, isLocal: deps.localCredential !== null });
    },
  }),
  scoped({
    method: "POST",
    path: "/api/session",
    tag,
    summary: "Exchange a key or token for a session of the console",
    scopes: [],
    responses: {
      201: { description: "The session. It is a cookie for the gateway's own pages", schema: sessionSchema },
    },
    handle({ deps, principal, request }) {
      const credential = bearerOf(request);
      if (credential === null || !isOwnPage(request)) return Promise.resolve(FOREIGN_PAGE);
      return begin(deps, request, { principal, credential });
    },
  }),
  open({
    method: "POST",
    path: "/api/session/local",
    tag,
    summary: "Begin a session of the person who runs 'hsafa dev' on this machine",
    responses: { 201: { description: "The session", schema: sessionSchema } },
    async handle(deps, request) {
      const credential = deps.localCredential;
      if (credential === null || !(await isFromOwnMachine(request.raw))) {
        return refuse("forbidden", "This gateway signs nobody in by itself; enter a key or a token.");
      }
      const admission = await admit(deps, credential, { scopes: [] });
      if (admission.kind === "refused") return admission;
      return begin(deps, request, { principal: admission.principal, credential });
    },
  }),
  open({
    method: "DELETE",
    path: "/api/session",
    tag,
    summary: "Sign out of the console in this browser",
    responses: { 204: { description: "The cookie is gone" } },
    handle(deps, request) {
      if (!isOwnPage(request)) return Promise.resolve(FOREIGN_PAGE);
      const cookie = sessionCookie({ host: request.headers.host, session: null, isSecure: isSecure(deps, request) });
      return Promise.resolve({ kind: "empty", status: 204, headers: { "set-cookie": cookie } });
    },
  }),
];

/** The session that a request has, null if it has none that is good, or a refusal while the store is away. */
async function sessionOf(deps: EdgeDeps, request: FastifyRequest) {
  const sealed = sessionIn(request);
  const opened = sealed === null ? null : await openSession(deps.tokenSecrets, sealed, deps.clock.now());
  if (opened === null) return null;
  const admission = await admit(deps, opened.credential, { scopes: [], from: deps.limits.addressOf(request.raw) });
  if (admission.kind === "refused") return admission.code === "unauthenticated" ? null : admission;
  return { session: shownSession(admission.principal, opened.expiresAt) };
}

async function begin(
  deps: EdgeDeps,
  request: FastifyRequest,
  { principal, credential }: { readonly principal: Principal; readonly credential: string },
): Promise<RouteResponse> {
  const now = deps.clock.now();
  const expiresAt = Math.min(now + SESSION_LIFE_MS, principal.expiresAt ?? Number.POSITIVE_INFINITY);
  const sealed = await sealSession(deps.tokenSecrets, { credential, expiresAt });
  if (sealed.length > SESSION_CHARACTERS_MAX) {
    return refuse("invalid_request", "The token is too long for a cookie; make one that names less.");
  }
  const cookie = sessionCookie({
    host: request.headers.host,
    session: { sealed, livesMs: expiresAt - now },
    isSecure: isSecure(deps, request),
  });
  return json(201, shownSession(principal, expiresAt), { "set-cookie": cookie });
}

function isSecure(deps: EdgeDeps, request: FastifyRequest): boolean {
  return deps.isCookieSecure || cameByTls(request.raw, deps.trustedProxies);
}

function shownSession({ kind, name, subject, scopes }: Principal, expiresAt: number): Session {
  return { kind, name, subject: subject ?? null, scopes: [...scopes], expiresAt: new Date(expiresAt).toISOString() };
}

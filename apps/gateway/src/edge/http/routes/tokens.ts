import { createdTokenSchema, createTokenBodySchema, revokeTokensBodySchema } from "@hsafa/protocol/schema";
import { hasScope } from "../../../access/scopes.ts";
import { createToken } from "../../../control/create-token.ts";
import { revokeTokens } from "../../../control/revoke-tokens.ts";
import { refuse } from "../../../access/refusal.ts";
import { isOriginAllowed } from "../../origin.ts";
import { cameByTls } from "../came-by-tls.ts";
import { bearerOf, COOKIE_NAME } from "../credentials.ts";
import { json, type Route, scoped } from "../route.ts";

const tag = "Authentication";

/** Browser tokens, and the cookie for a browser's own EventSource. */
export const tokenRoutes: readonly Route[] = [
  scoped({
    method: "POST",
    path: "/api/tokens",
    tag,
    summary: "Make a short-lived browser token that can do only what it names",
    scopes: [],
    body: createTokenBodySchema,
    responses: { 201: { description: "The token, shown once", schema: createdTokenSchema } },
    async handle({ deps, principal, body }) {
      const { scopes, agents, versions, runId, threadId, deviceKey, labels, tools, groups } = body;
      const { subject, expiresInSeconds } = body;
      const bounds = { agents, versions, runId, threadId, deviceKey, labels, tools, groups };
      const outcome = await createToken(deps, principal, { scopes, ...bounds, subject, expiresInSeconds });
      return outcome.kind === "refused" ? outcome : json(201, outcome.token);
    },
  }),
  scoped({
    method: "POST",
    path: "/api/tokens/revoke",
    tag,
    summary: "End the tokens made so far: of a subject, of a device, or of the tenant",
    scopes: ["admin"],
    unbound: true,
    body: revokeTokensBodySchema,
    responses: { 204: { description: "They have ended, and what they opened ends within a second" } },
    async handle({ deps, principal, body }) {
      const outcome = await revokeTokens(deps, principal, body);
      return outcome.kind === "refused" ? outcome : { kind: "empty", status: 204 };
    },
  }),
  scoped({
    method: "POST",
    path: "/api/tokens/cookie",
    tag,
    summary: "Set a browser token as a cookie that is good for reading runs",
    scopes: [],
    responses: { 204: { description: "The cookie is set for as long as the token lives" } },
    handle({ deps, principal, request }) {
      const { origin, host } = request.headers;
      const token = bearerOf(request);
      if (principal.kind !== "token" || principal.expiresAt === undefined || token === null) {
        return Promise.resolve(
          refuse("forbidden", "Only a browser token becomes a cookie; make one with POST /api/tokens."),
        );
      }
      if (!hasScope(principal, ["runs:read"])) {
        return Promise.resolve(
          refuse("forbidden", "The cookie is good for reading runs; make a token with runs:read."),
        );
      }
      if (!isOriginAllowed(origin, host, deps.allowedOrigins)) {
        return Promise.resolve(
          refuse("forbidden", "Pages of this origin may not set the cookie; see HSAFA_ALLOWED_ORIGINS."),
        );
      }
      const maxAge = Math.max(0, Math.floor((principal.expiresAt - deps.clock.now()) / 1000));
      const isSecure = deps.isCookieSecure || cameByTls(request.raw, deps.trustedProxies);
      const secure = isSecure ? "; Secure" : "";
      const cookie = `${COOKIE_NAME}=${token}; Path=/api; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
      return Promise.resolve({ kind: "empty", status: 204, headers: { "set-cookie": cookie } });
    },
  }),
];

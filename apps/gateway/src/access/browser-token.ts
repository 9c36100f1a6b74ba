import { type Scope } from "@hsafa/protocol";
import { deviceKeySchema, idSchema, scopeSchema } from "@hsafa/protocol/schema";
import { errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import type { Principal } from "./principal.ts";
import { type Refusal, refuse } from "./refusal.ts";

const ISSUER = "hsafa";
const ALGORITHM = "HS256";

const claims = z.object({
  sub: z.string(),
  exp: z.number(),
  tenant: idSchema,
  scopes: z.array(scopeSchema),
  runId: idSchema.optional(),
  threadId: z.string().optional(),
  deviceKey: deviceKeySchema.optional(),
});

export type VerifiedToken = { readonly kind: "valid"; readonly principal: Principal } | Refusal;

/** Whether a credential has the form of a JWT. No API key has it. */
export function looksLikeToken(credential: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(credential);
}

/**
 * Signs a browser token: a short-lived JWT that can do only what it names. `issuedAt` and `expiresAt` are milliseconds
 * since the epoch; of both the whole seconds count.
 */
export function signBrowserToken(
  secret: Uint8Array,
  token: {
    readonly tenantId: string;
    readonly name: string;
    readonly scopes: readonly Scope[];
    readonly runId: string | undefined;
    readonly threadId: string | undefined;
    readonly deviceKey: string | undefined;
    readonly issuedAt: number;
    readonly expiresAt: number;
  },
): Promise<string> {
  return new SignJWT({
    tenant: token.tenantId,
    scopes: [...token.scopes],
    runId: token.runId,
    threadId: token.threadId,
    deviceKey: token.deviceKey,
  })
    .setProtectedHeader({ alg: ALGORITHM })
    .setIssuer(ISSUER)
    .setSubject(token.name)
    .setIssuedAt(Math.floor(token.issuedAt / 1000))
    .setExpirationTime(Math.floor(token.expiresAt / 1000))
    .sign(secret);
}

/** Reads a token. Refuses one that is forged, has expired or lacks a claim. */
export async function verifyBrowserToken(secret: Uint8Array, token: string, now: number): Promise<VerifiedToken> {
  try {
    const { payload } = await jwtVerify(token, secret, {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      currentDate: new Date(now),
    });
    const parsed = claims.safeParse(payload);
    if (!parsed.success) return refuse("unauthenticated", "The token's claims are not those of an hsafa token.");
    const { sub, exp, tenant, ...bounds } = parsed.data;
    return {
      kind: "valid",
      principal: { kind: "token", name: sub, tenantId: tenant, expiresAt: exp * 1000, ...bounds },
    };
  } catch (error) {
    if (error instanceof errors.JWTExpired)
      return refuse("unauthenticated", "The token has expired; ask for a new one.");
    if (error instanceof errors.JOSEError)
      return refuse("unauthenticated", "The token is not one that this server signed.");
    throw error;
  }
}

import { createHash } from "node:crypto";
import type { Scope } from "@hsafa/protocol";
import { deviceKeySchema, idSchema, scopeSchema, subjectSchema } from "@hsafa/protocol/schema";
import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import type { Principal } from "./principal.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { asTenantId, type TenantId } from "../core/tenant-id.ts";

const ISSUER = "hsafa";
const AUDIENCE = "hsafa";
const ALGORITHM = "HS256";

const claims = z.object({
  name: z.string(),
  sub: subjectSchema.optional(),
  exp: z.number(),
  tenant: idSchema,
  key: idSchema,
  epoch: z.int().min(0),
  scopes: z.array(scopeSchema),
  agents: z.array(z.string()).optional(),
  versions: z.boolean().optional(),
  runId: idSchema.optional(),
  threadId: z.string().optional(),
  deviceKey: deviceKeySchema.optional(),
  labels: z.record(z.string(), z.string()).optional(),
  tools: z.array(z.string()).optional(),
  groups: z.array(z.string()).optional(),
});

/** `epoch`: the number of the last revocation when the token was made. */
export type VerifiedToken = { readonly kind: "valid"; readonly principal: Principal; readonly epoch: number } | Refusal;

/** A secret that signs tokens, with the id by which tokens name it. The id tells nothing about the secret. */
export interface TokenSecret {
  readonly id: string;
  readonly secret: Uint8Array;
}

/** The secrets of a gateway. All of them are taken, and the first one signs. */
export type TokenSecrets = readonly [TokenSecret, ...TokenSecret[]];

/** Makes the secrets of a gateway from their bytes. */
export function tokenSecrets(signing: Uint8Array, former: readonly Uint8Array[] = []): TokenSecrets {
  const named = (secret: Uint8Array): TokenSecret => {
    const id = createHash("sha256").update("hsafa token secret\n").update(secret).digest("base64url").slice(0, 11);
    return { id, secret };
  };
  return [named(signing), ...former.map(named)];
}

/** Whether a credential has the form of a JWT. No API key has it. */
export function looksLikeToken(credential: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(credential);
}

/**
 * Signs a browser token: a short-lived JWT that can do only what it names. `issuedAt` and `expiresAt` are milliseconds
 * since the epoch; of both the whole seconds count.
 */
export function signBrowserToken(
  [{ id, secret }]: TokenSecrets,
  token: {
    readonly tenantId: TenantId;
    /** The id and the name of the key that makes it. */
    readonly keyId: string;
    readonly name: string;
    readonly subject: string | undefined;
    readonly epoch: number;
    readonly scopes: readonly Scope[];
    readonly agents: readonly string[] | undefined;
    readonly versions: boolean;
    readonly runId: string | undefined;
    readonly threadId: string | undefined;
    readonly deviceKey: string | undefined;
    readonly labels: Readonly<Record<string, string>> | undefined;
    readonly tools: readonly string[] | undefined;
    readonly groups: readonly string[] | undefined;
    readonly issuedAt: number;
    readonly expiresAt: number;
  },
): Promise<string> {
  return new SignJWT({
    tenant: token.tenantId,
    key: token.keyId,
    name: token.name,
    sub: token.subject,
    epoch: token.epoch,
    scopes: [...token.scopes],
    agents: token.agents,
    versions: token.versions ? true : undefined,
    runId: token.runId,
    threadId: token.threadId,
    deviceKey: token.deviceKey,
    labels: token.labels,
    tools: token.tools,
    groups: token.groups,
  })
    .setProtectedHeader({ alg: ALGORITHM, kid: id })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt(Math.floor(token.issuedAt / 1000))
    .setExpirationTime(Math.floor(token.expiresAt / 1000))
    .sign(secret);
}

/** Reads a token. Refuses one that is forged, has expired or lacks a claim. */
export async function verifyBrowserToken(secrets: TokenSecrets, token: string, now: number): Promise<VerifiedToken> {
  try {
    const { kid } = decodeProtectedHeader(token);
    const named = secrets.find(({ id }) => id === kid);
    if (named === undefined) return refuse("unauthenticated", "The token is not one that this server signed.");
    const { payload } = await jwtVerify(token, named.secret, {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience: AUDIENCE,
      currentDate: new Date(now),
    });
    const parsed = claims.safeParse(payload);
    if (!parsed.success) return refuse("unauthenticated", "The token's claims are not those of an hsafa token.");
    const { sub: subject, exp, tenant, key: keyId, epoch, ...rest } = parsed.data;
    const tenantId = asTenantId(tenant);
    const whose = subject === undefined ? {} : { subject };
    return {
      kind: "valid",
      epoch,
      principal: { kind: "token", tenantId, keyId, expiresAt: exp * 1000, ...whose, ...rest },
    };
  } catch (error) {
    if (error instanceof errors.JWTExpired)
      return refuse("unauthenticated", "The token has expired; ask for a new one.");
    // What is no token at all makes the reading of its header throw a TypeError.
    if (error instanceof errors.JOSEError || error instanceof TypeError)
      return refuse("unauthenticated", "The token is not one that this server signed.");
    throw error;
  }
}

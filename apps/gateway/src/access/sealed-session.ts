/**
 * A session of the console: the credential that was entered, sealed so that only gateways read it. It is no credential
 * of its own. Each request with it is made by the key or token within, with what that may do at this moment. So what
 * ends the key ends the session.
 */
import { hkdfSync } from "node:crypto";
import { decodeProtectedHeader, EncryptJWT, errors, jwtDecrypt } from "jose";
import { z } from "zod";
import type { TokenSecrets } from "./browser-token.ts";
import { SESSION_KEY_BYTES } from "./limits.ts";

const AUDIENCE = "hsafa console";
const claims = z.object({ credential: z.string(), exp: z.number() });

/** A session that was opened. `expiresAt`: in milliseconds since the epoch. */
export interface SealedSession {
  readonly credential: string;
  readonly expiresAt: number;
}

/** Seals a credential until `expiresAt`, of which the whole seconds count. */
export function sealSession([{ id, secret }]: TokenSecrets, session: SealedSession): Promise<string> {
  return new EncryptJWT({ credential: session.credential })
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: id })
    .setAudience(AUDIENCE)
    .setExpirationTime(Math.floor(session.expiresAt / 1000))
    .encrypt(keyOf(secret));
}

/** Opens a session. Returns `null` if it has expired, or was not sealed with one of these secrets. */
export async function openSession(secrets: TokenSecrets, sealed: string, now: number): Promise<SealedSession | null> {
  try {
    const { kid } = decodeProtectedHeader(sealed);
    const named = secrets.find(({ id }) => id === kid);
    if (named === undefined) return null;
    const { payload } = await jwtDecrypt(sealed, keyOf(named.secret), {
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
      audience: AUDIENCE,
      currentDate: new Date(now),
    });
    const parsed = claims.safeParse(payload);
    return parsed.success ? { credential: parsed.data.credential, expiresAt: parsed.data.exp * 1000 } : null;
  } catch (error) {
    // What is no JWE at all makes the reading of its header throw a TypeError.
    if (error instanceof errors.JOSEError || error instanceof TypeError) return null;
    throw error;
  }
}

/** A key for sessions alone: what signs tokens encrypts nothing. */
function keyOf(secret: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, "", "hsafa console session", SESSION_KEY_BYTES));
}

import type { Scope } from "./token.ts";

/** An API key as the API shows it: everything but its secret. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** The user of the tenant whose key it is; `null`: it is an operator's. */
  readonly subject: string | null;
  /** The groups in whose name it decides calls. */
  readonly groups: readonly string[];
  /** The name of the key that made it; `null` for one that a gateway made at its start. */
  readonly createdBy: string | null;
  /** ISO 8601, UTC, as all times. */
  readonly createdAt: string;
  /** When it expires; `null`: never. */
  readonly expiresAt: string | null;
  /** When it was last used, to the minute; `null`: never yet. */
  readonly lastUsedAt: string | null;
  /** When it was revoked; `null`: it is not. */
  readonly revokedAt: string | null;
  /** Until when the secret before the last rotation is taken; `null`: the key was never rotated. */
  readonly formerSecretUntil: string | null;
}

/** The body of `POST /api/keys`. */
export interface CreateKeyBody {
  /** What people know it by. What it does is recorded under this name. */
  readonly name: string;
  /** At least one. */
  readonly scopes: Scope[];
  /** The user of the tenant whose key it is. Such a key reaches what is this subject's, and makes no tokens. */
  readonly subject?: string;
  /** The groups in whose name it decides calls; none if left out. */
  readonly groups?: string[];
  /** The key's life in seconds; without it, the key lives until it is revoked. */
  readonly expiresInSeconds?: number;
}

/** The body of `POST /api/keys/:id/rotate`. */
export interface RotateKeyBody {
  /** How long the former secret is taken beside the new one, in seconds; 3600 if left out, 0: it ends now. */
  readonly overlapSeconds?: number;
}

/** A key with its secret, which is shown this once. */
export interface ApiKeyWithSecret extends ApiKey {
  readonly key: string;
}

/** The body of `POST /api/tokens/revoke`: at most one of the two. Without both, all tokens of the tenant end. */
export interface RevokeTokensBody {
  /** Whose tokens end: the `subject` that they were made for. */
  readonly subject?: string;
  /** The device whose tokens end: the `deviceKey` that they were made for. */
  readonly deviceKey?: string;
}

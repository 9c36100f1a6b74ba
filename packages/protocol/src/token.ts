/** What a key or token lets its holder do. */
export const SCOPES = ["agents:write", "runs:write", "runs:read", "devices:connect", "admin"] as const;

/** One thing that a key or token lets its holder do. */
export type Scope = (typeof SCOPES)[number];

/** The body of `POST /api/tokens`. */
export interface CreateTokenBody {
  /** At least one, and only scopes that the API key holds itself. */
  readonly scopes: Scope[];
  /** Bounds the token to one run. */
  readonly runId?: string;
  /** Bounds the token to the runs of one thread. */
  readonly threadId?: string;
  /** Bounds the token to one device. */
  readonly deviceKey?: string;
  /** The token's life in seconds, from 1 to 86400; 900 if left out. */
  readonly expiresInSeconds?: number;
}

/** The response to a made token. */
export interface CreatedToken {
  readonly token: string;
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
}

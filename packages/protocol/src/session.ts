import type { Scope } from "./token.ts";

/** Who is signed in at the console: the key or token that was exchanged for a session. */
export interface Session {
  readonly kind: "api_key" | "token";
  /** The name of the key, or of the one that made the token. */
  readonly name: string;
  /** The user of the tenant that it speaks for; `null`: nobody in particular. */
  readonly subject: string | null;
  /** What it may do. */
  readonly scopes: Scope[];
  /** When the session ends: ISO 8601, UTC. */
  readonly expiresAt: string;
}

/** The response to `GET /api/session`. */
export interface SessionState {
  /** `null`: nobody is signed in. */
  readonly session: Session | null;
  /** Whether the gateway signs in the person who runs it, by `POST /api/session/local`. */
  readonly isLocal: boolean;
}

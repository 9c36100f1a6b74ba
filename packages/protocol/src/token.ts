/** What a key or token lets its holder do. */
export const SCOPES = [
  "agents:write",
  "runs:write",
  "runs:start",
  "runs:send",
  "runs:cancel",
  "runs:read",
  "approvals:decide",
  "tools:answer",
  "devices:connect",
  "devices:pool",
  "devices:enroll",
  "devices:pair",
  "audit:read",
  "admin",
] as const;

/** One thing that a key or token lets its holder do. */
export type Scope = (typeof SCOPES)[number];

/** The body of `POST /api/tokens`. */
export interface CreateTokenBody {
  /** At least one, and only scopes that the API key holds itself. `admin` is left out of what the token gets. */
  readonly scopes: Scope[];
  /** The names of the agents whose runs the token may start. Without them it starts none. */
  readonly agents?: string[];
  /** Whether it may choose the version of an agent; `false` if left out. */
  readonly versions?: boolean;
  /** Bounds the token to one run. */
  readonly runId?: string;
  /** Bounds the token to the runs of one thread. */
  readonly threadId?: string;
  /** Bounds the token to one device. A token that connects a device needs it. */
  readonly deviceKey?: string;
  /** With `devices:pool`: the labels that the device may have. Without them it has none. */
  readonly labels?: Record<string, string>;
  /** With `devices:pool`: the tools that the device may offer. Without them it may offer any. */
  readonly tools?: string[];
  /**
   * Who the token is for, such as a user of yours. It reaches the runs, threads and devices of this subject, and what
   * it names.
   */
  readonly subject?: string;
  /** The groups in whose name its user decides calls: those of the key, or any if the key is an admin's. */
  readonly groups?: string[];
  /** The token's life in seconds, from 1 to 86400; 900 if left out. */
  readonly expiresInSeconds?: number;
}

/** The response to a made token. */
export interface CreatedToken {
  readonly token: string;
  /** What it may do. */
  readonly scopes: Scope[];
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
}

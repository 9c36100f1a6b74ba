/** Who started a run. */
export interface RunStarter {
  readonly kind: "api_key" | "token";
  /** The name under which it is recorded. */
  readonly by: string;
  /** The key, or the one that made the token. */
  readonly keyId: string;
  readonly subject: string | null;
  /** Stands for everything that the credential names. Tokens that are made anew alike have the same. */
  readonly likeness: string;
}

/** Who started a run, and whose it is. */
export interface StarterOfRun {
  /** Null: a gateway of an earlier version did not note it. */
  readonly starter: RunStarter | null;
  /** The user of the tenant whose run it is; null: the tenant's own. */
  readonly subject: string | null;
}

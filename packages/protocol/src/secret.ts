/** In a config: stands for a value that is put in when a request is made. The config itself never holds the value. */
export interface SecretRef {
  /** The name of the secret. */
  readonly secret: string;
  /** Stands before the value, such as `Bearer `. */
  readonly prefix?: string;
}

/** The body of `PUT /api/secrets/:name`. */
export interface PutSecretBody {
  /** It is never shown again. */
  readonly value: string;
}

/** A secret of a tenant, without its value. */
export interface Secret {
  readonly name: string;
  /** The name of the key that set the value. */
  readonly setBy: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** When the value was set last. ISO 8601, UTC. */
  readonly updatedAt: string;
}

/**
 * Tells every gateway that something is worth a look. It may lose, repeat and reorder: polling makes certain what the
 * bell makes immediate. Nothing it carries is ever trusted; it only says where to look.
 */
export type Ring =
  /** A run has become due, or an input arrived for its holder. */
  | { readonly about: "run"; readonly runId: string }
  /**
   * Calls for this device (or, with null, for any device of the tenant) were dispatched or settled, or its session was
   * replaced.
   */
  | { readonly about: "device"; readonly tenantId: string; readonly deviceKey: string | null };

export interface Bell {
  /** Rings in this process at once and elsewhere as soon as possible. Never throws, never waits. */
  ring(ring: Ring): void;
  /** Hears every ring, own ones too, until the answer is called. */
  listen(listener: (ring: Ring) => void): () => void;
  close(): Promise<void>;
}

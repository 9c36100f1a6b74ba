import { USABLE_SCHEMAS_REMEMBERED_MAX } from "./limits.ts";

/**
 * Remembers schemas that were compiled, by the hashes of their texts. Devices bring the same tools at each connection,
 * and a fleet of them at once. Each would wait for a worker, which does one job of a tenant at a time.
 */
export class UsableSchemas {
  /** The one that was asked for the longest ago is the first. */
  readonly #hashes = new Set<string>();

  has(hash: string): boolean {
    if (!this.#hashes.delete(hash)) return false;
    this.#hashes.add(hash);
    return true;
  }

  remember(hash: string): void {
    this.#hashes.add(hash);
    const oldest = this.#hashes.size > USABLE_SCHEMAS_REMEMBERED_MAX ? this.#hashes.values().next().value : undefined;
    if (oldest !== undefined) this.#hashes.delete(oldest);
  }
}

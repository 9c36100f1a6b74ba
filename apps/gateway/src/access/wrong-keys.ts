import { WRONG_KEY_TRIES, WRONG_KEY_TTL_MS, WRONG_KEYS_MAX } from "./limits.ts";

/**
 * Keys that are known to be wrong, by their hashes. A key counts as wrong when it was looked up in vain several times.
 * A client repeats its key for ever. An operator who tries a new key a little too early must not wait. Guesses push
 * only other guesses out.
 */
export class WrongKeys {
  /** The key that was tried first is the first. */
  readonly #tries = new Map<string, { readonly count: number; readonly until: number }>();

  has(keyHash: string, now: number): boolean {
    const tried = this.#tries.get(keyHash);
    return tried !== undefined && tried.count >= WRONG_KEY_TRIES && tried.until > now;
  }

  /** Records a look-up in vain. */
  add(keyHash: string, now: number): void {
    const tried = this.#tries.get(keyHash);
    const count = tried !== undefined && tried.until > now ? tried.count + 1 : 1;
    this.#tries.delete(keyHash);
    const oldest = this.#tries.size >= WRONG_KEYS_MAX ? this.#tries.keys().next().value : undefined;
    if (oldest !== undefined) this.#tries.delete(oldest);
    this.#tries.set(keyHash, { count, until: now + WRONG_KEY_TTL_MS });
  }

  delete(keyHash: string): void {
    this.#tries.delete(keyHash);
  }
}

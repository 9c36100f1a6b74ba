import { StoreUnavailable } from "../ports/store.ts";

/**
 * Whether this was thrown because the store is away just now: any use case may throw it, and doing it again is safe.
 */
export function isUnavailable(error: unknown): boolean {
  return error instanceof StoreUnavailable;
}

import type { StoreSigns } from "../ports/generation.ts";

/** What a gateway knows of the store from before: a former heartbeat told it. */
export interface SeenStore {
  readonly tag: string;
  readonly written: number | null;
}

/**
 * What a gateway does about the signs that it reads now. `judge`: it asks the store to judge its server. `wentBack`:
 * the server has lost something that this gateway saw.
 */
export function readSigns(
  seen: SeenStore,
  signs: StoreSigns,
): { readonly kind: "fine" } | { readonly kind: "judge"; readonly wentBack: boolean } {
  const isBehind = seen.tag === signs.generation.tag && (signs.written ?? Infinity) < (seen.written ?? 0);
  return isBehind || !signs.isJudged ? { kind: "judge", wentBack: isBehind } : { kind: "fine" };
}

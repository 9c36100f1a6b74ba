import type { Principal } from "./principal.ts";

/**
 * What counts as one principal where something is shared out. Tokens of one maker for one user and one purpose are one:
 * a page that makes tokens anew gets no more for it. Names of keys are no identity, since two keys may have one name.
 */
export function principalKey({ kind, tenantId, keyId, subject, runId, threadId, deviceKey }: Principal): string {
  return JSON.stringify([kind, tenantId, keyId, subject, runId, threadId, deviceKey]);
}

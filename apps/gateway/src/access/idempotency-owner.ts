import type { Principal } from "./principal.ts";

/**
 * Whose an idempotency key is. Two users of a tenant may both count from 1, and neither gets the other's run. What a
 * user sends again under a new token is the same user's. Tokens for nobody are told by their key and by what they name.
 */
export function idempotencyOwner({ kind, keyId, subject, runId, threadId, deviceKey }: Principal): string {
  if (subject !== undefined) return `subject:${subject}`;
  return kind === "api_key" ? `key:${keyId}` : `token:${JSON.stringify([keyId, runId, threadId, deviceKey])}`;
}

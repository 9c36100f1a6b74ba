import type { Principal } from "./principal.ts";

/**
 * Who owns the device that a principal registers: its subject, under whichever key, or else its key. Tokens are made
 * anew every few minutes, and so own nothing. Names of keys are not unique.
 */
export function deviceOwner({ keyId, subject }: Pick<Principal, "keyId" | "subject">): string {
  return subject === undefined ? `key:${keyId}` : `subject:${subject}`;
}

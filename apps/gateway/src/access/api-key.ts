import { createHash, randomBytes } from "node:crypto";

/** Makes an API key. Its 256 random bits need neither salt nor stretching when the key is hashed. */
export function newApiKey(): string {
  return `hsafa_${randomBytes(32).toString("base64url")}`;
}

/** The hash under which a key is stored: SHA-256, in hex. The time of a look-up by hash tells nothing about the key. */
export function apiKeyHash(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

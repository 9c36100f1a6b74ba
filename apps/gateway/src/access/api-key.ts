import { createHash, randomBytes } from "node:crypto";

/**
 * A fresh API key: shown once, stored only as its hash. 256 random bits, so the hash needs no salt and no stretching.
 */
export function newApiKey(): string {
  return `hsafa_${randomBytes(32).toString("base64url")}`;
}

/**
 * What is stored of a key and looked up: SHA-256, in hex. Looking a hash up tells an attacker nothing by its timing.
 */
export function apiKeyHash(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

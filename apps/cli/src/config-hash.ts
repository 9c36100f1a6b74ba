import { createHash } from "node:crypto";
import type { JsonObject } from "@hsafa/protocol";
import canonicalize from "canonicalize";

/** Returns the hash that a gateway gives a config: the SHA-256 of its canonical JSON (RFC 8785), in hex. */
export function configHash(config: JsonObject): string {
  return createHash("sha256")
    .update(canonicalize(config) ?? "")
    .digest("hex");
}

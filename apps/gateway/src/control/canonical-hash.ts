import { createHash } from "node:crypto";
import type { JsonValue } from "@hsafa/protocol";
import canonicalize from "canonicalize";

/** SHA-256 (hex) of the RFC 8785 canonical JSON: equal for equal values, whatever the order of their keys. */
export function canonicalHash(value: JsonValue): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("only JSON values have a canonical form");
  return createHash("sha256").update(text).digest("hex");
}

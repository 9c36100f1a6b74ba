import { createHash } from "node:crypto";
import type { JsonValue } from "@hsafa/protocol";
import canonicalize from "canonicalize";

/** The canonical JSON (RFC 8785) of a value: the same text for equal values, whatever the order of their keys. */
export function canonicalJson(value: JsonValue): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("only JSON values have a canonical form");
  return text;
}

/** SHA-256 of a value's canonical JSON, in hex. */
export function canonicalHash(value: JsonValue): string {
  return sha256(canonicalJson(value));
}

/** SHA-256 of a text in UTF-8, in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

import { hasManyParts, type JsonValue, TOO_MANY_PARTS } from "@hsafa/protocol";

/** A value as it can be sent, or why it cannot. `path` is written like `list.0.name`; `message` goes on about it. */
export type SendableJson =
  | { readonly kind: "json"; readonly value: JsonValue }
  | { readonly kind: "inexact"; readonly path: string; readonly message: string };

/**
 * Checks what `JSON.stringify` has written as a gateway does when it reads it (`readExactJson`), at most `depthMax`
 * levels deep. It costs a page far fewer bytes, since a number that JavaScript wrote is exact. Halves of characters
 * become U+FFFD.
 */
export function sendableJson(text: string, depthMax: number): SendableJson {
  if (hasManyParts(text, depthMax)) return { kind: "inexact", path: "", message: TOO_MANY_PARTS };
  const faults: { readonly path: string; readonly message: string }[] = [];
  const walk = (value: JsonValue, path: readonly (string | number)[]): JsonValue => {
    const refuse = (message: string): null => {
      faults.push({ path: path.join("."), message });
      return null;
    };
    if (typeof value === "string") return wholeCharacters(value);
    if (typeof value !== "object" || value === null) return value;
    if (path.length >= depthMax) return refuse(`is nested deeper than ${depthMax} levels`);
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    const whole: Record<string, JsonValue> = {};
    for (const [key, item] of Object.entries(value)) {
      const name = wholeCharacters(key);
      if (name === "__proto__") return refuse("has the name `__proto__`, which is not taken");
      if (Object.hasOwn(whole, name)) return refuse("has two names that differ in halves of characters alone");
      whole[name] = walk(item, [...path, name]);
    }
    return whole;
  };
  const value = walk(JSON.parse(text) as JsonValue, []);
  return faults[0] === undefined ? { kind: "json", value } : { kind: "inexact", ...faults[0] };
}

/** Replaces halves of characters: a gateway takes Unicode text only. */
export function wholeCharacters(text: string): string {
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}

import type { JsonValue } from "@hsafa/protocol";
import fc from "fast-check";

/** Texts that programs stumble over. */
const ODD_TEXTS: readonly string[] = [
  "",
  " ",
  "\u0000",
  "\u001b[2J",
  "\r\nX-Injected: 1",
  "\ud83c",
  "\u202e\u2066",
  "e\u0301\u0301\u0301",
  "🎲".repeat(50),
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "toString",
  "then",
  "../../etc/passwd",
  "%00%2e%2e%2f",
  "' or 1=1 --",
  "{{results}}",
  "${jndi:ldap://x}",
  "<script>alert(1)</script>",
  "NaN",
  "-0",
  "1e400",
  "0x7f000001",
  "9".repeat(400),
  "2026-02-30T25:61:61Z",
  "x".repeat(70_000),
  "(a+)+$",
  "[",
];

/** Numbers at the edges of what is kept. */
const ODD_NUMBERS: readonly number[] = [
  0,
  -0,
  -1,
  0.1,
  2 ** 31,
  -(2 ** 31),
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53),
  1e-323,
  1.7e308,
  1e21,
  4_294_967_296,
];

export const oddTexts: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...ODD_TEXTS),
  fc.string({ unit: "binary", maxLength: 60 }),
);

const nested = fc.nat({ max: 90 }).map((depth): JsonValue => {
  let value: JsonValue = "deep";
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
});

/** Values of any type that JSON has, odd ones first. */
export const oddValues: fc.Arbitrary<JsonValue> = fc.oneof(
  oddTexts,
  fc.constantFrom(...ODD_NUMBERS),
  fc.constantFrom<JsonValue>(null, true, false, [], {}, [[]], [null], { "": "" }, { constructor: { prototype: {} } }),
  nested,
  fc.jsonValue({ maxDepth: 3 }).map((value) => value as JsonValue),
);

/** Changes a value at one place: replaces, removes, adds, wraps or repeats. `place` chooses where. */
function changed(value: JsonValue, { place, how, odd }: Change): JsonValue {
  if (typeof value !== "object" || value === null || how === "whole") return odd;
  const keys = Object.keys(value);
  const key = keys[place % Math.max(1, keys.length)];
  if (key === undefined || how === "add") {
    return Array.isArray(value) ? [...value, odd] : { ...value, [`odd${place}`]: odd };
  }
  const at = (value as Record<string, JsonValue>)[key] ?? null;
  const put = (replaced: JsonValue): JsonValue => {
    if (!Array.isArray(value)) return { ...value, [key]: replaced };
    return value.map((item, index) => (String(index) === key ? replaced : item));
  };
  switch (how) {
    case "deeper":
      return put(changed(at, { place: Math.floor(place / 7), how: place % 3 === 0 ? "replace" : "deeper", odd }));
    case "replace":
      return put(odd);
    case "wrap":
      return put([at, at]);
    case "remove":
      return Array.isArray(value)
        ? value.filter((_, index) => String(index) !== key)
        : Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
    default:
      return how satisfies never;
  }
}

interface Change {
  readonly place: number;
  readonly how: "whole" | "add" | "deeper" | "replace" | "wrap" | "remove";
  readonly odd: JsonValue;
}

const changes: fc.Arbitrary<readonly Change[]> = fc.array(
  fc.record({
    place: fc.nat({ max: 10_000 }),
    how: fc.oneof(
      { weight: 1, arbitrary: fc.constant("whole" as const) },
      { weight: 12, arbitrary: fc.constantFrom("add", "deeper", "deeper", "replace", "wrap", "remove") },
    ),
    odd: oddValues,
  }),
  { maxLength: 2, size: "max" },
);

/** Values of `valid`, of which most are changed at one or two places. */
export function mutated(valid: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonValue> {
  return fc
    .tuple(valid, fc.oneof(fc.constant([]), changes))
    .map(([value, list]) => list.reduce<JsonValue>(changed, value));
}

/** Texts of `whole`, of which half are cut, repeated or broken at a place. */
export function mutatedText(whole: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const breaks = fc.tuple(
    fc.constantFrom("none", "none", "none", "cut", "insert", "swap", "repeat"),
    fc.nat(),
    oddTexts,
  );
  return fc.tuple(whole, breaks).map(([text, [how, number, odd]]) => {
    const place = number % (text.length + 1);
    switch (how) {
      case "cut":
        return text.slice(0, place);
      case "insert":
        return text.slice(0, place) + odd.slice(0, 200) + text.slice(place);
      case "swap":
        return text.slice(0, place) + String.fromCharCode(number % 0x3000) + text.slice(place + 1);
      case "repeat":
        return text + text.slice(place);
      default:
        return text;
    }
  });
}

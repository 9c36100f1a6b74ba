import fc from "fast-check";
import { expect, test } from "vitest";
import { patternInstructions } from "./pattern-instructions.ts";

test.each<[string, number]>([
  ["", 0],
  ["abc", 3],
  ["[a-z]", 1],
  ["[\\]x]", 1],
  ["\\d", 1],
  ["a{5}", 5],
  ["a{2,7}", 7],
  ["a{3,}", 3],
  ["[\\p{L}]{900}", 900],
  ["(ab){10}", 30],
  ["((a{10}){10}){10}", 1110],
  ["a{b}", 4],
  ["(a{100}", 101],
  [")a", 1],
])("%s has about %d instructions", (pattern, instructions) => {
  expect(patternInstructions(pattern)).toBe(instructions);
});

test("no text makes it throw, or is counted as less than nothing", () => {
  const signs = fc.constantFrom("a", "(", ")", "[", "]", "{", "}", "1", "9", ",", "\\", "|", "*");
  fc.assert(
    fc.property(fc.array(signs, { maxLength: 60 }), (text) => {
      expect(patternInstructions(text.join(""))).toBeGreaterThanOrEqual(0);
    }),
  );
});

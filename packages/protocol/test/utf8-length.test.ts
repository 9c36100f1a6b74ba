import fc from "fast-check";
import { expect, test } from "vitest";
import { utf8Length } from "../src/utf8-length.ts";

test("any text, also one with half a character, takes as many bytes as an encoder writes", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 0xffff })), (units) => {
      const text = String.fromCharCode(...units);
      expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length);
    }),
  );
  expect(utf8Length("aé€😀")).toBe(1 + 2 + 3 + 4);
});

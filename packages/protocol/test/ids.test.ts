import fc from "fast-check";
import { expect, test } from "vitest";
import { isId } from "../src/index.ts";
import { idSchema } from "../src/schema/index.ts";

const ID = "01932c07-209c-7e5f-8d3a-5b2f9d4c1a6e";

/** Texts close to an id: each character of one may be replaced, dropped or doubled. */
const nearId = fc
  .array(
    fc.tuple(fc.nat(ID.length - 1), fc.constantFrom("", "-", "0", "7", "8", "a", "B", "f", "g", "\n", "É", "00")),
    {
      maxLength: 3,
    },
  )
  .map((changes) => {
    const characters = ID.split("");
    for (const [index, replacement] of changes) characters[index] = replacement;
    return characters.join("");
  });

test("isId and the id schema, which need not agree by themselves, accept the same texts", () => {
  const random = fc.oneof(fc.uuid(), fc.uuid({ version: 7 }), nearId, fc.string());
  fc.assert(
    fc.property(random, (text) => {
      expect(isId(text)).toBe(idSchema.safeParse(text).success);
    }),
    { numRuns: 5000 },
  );
});

test.each([
  ["in small letters", ID, true],
  ["in capitals", ID.toUpperCase(), true],
  ["of another version", "01932c07-209c-4e5f-8d3a-5b2f9d4c1a6e", false],
  ["of another variant", "01932c07-209c-7e5f-cd3a-5b2f9d4c1a6e", false],
  ["the nil UUID", "00000000-0000-0000-0000-000000000000", false],
  ["with a line break at its end", `${ID}\n`, false],
  ["an empty text", "", false],
])("a UUID %s is an id only with version 7 and the variant of RFC 9562", (_what, text, expected) => {
  expect(isId(text)).toBe(expected);
  expect(idSchema.safeParse(text).success).toBe(expected);
});

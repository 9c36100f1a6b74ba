import fc from "fast-check";
import { expect, test } from "vitest";
import { CharacterHalves } from "./character-halves.ts";

test("wherever a text is cut, its fragments are whole characters, and together they are the text", () => {
  const fragments = fc.array(fc.string({ unit: fc.constantFrom("a", "\ud83d", "\ude00", "😀", "é") }));
  fc.assert(
    fc.property(fragments, (cut) => {
      const halves = new CharacterHalves();
      const said = [...cut.map((fragment) => halves.add(fragment)), halves.end()];
      expect(said.every((text) => text.isWellFormed())).toBe(true);
      expect(said.join("")).toBe(cut.join("").toWellFormed());
      expect(halves.end()).toBe("");
    }),
  );
});

import { expect, test } from "vitest";
import { hasSoughtText, soughtText } from "./sought-text.ts";

test("a text is found as JSON writes it, and only ASCII letters are alike in both cases", () => {
  const json = JSON.stringify({ Note: 'say "hi"\n50% Ä' });
  for (const text of ["note", 'SAY "hi"\n', "50%", "Ä"]) expect(hasSoughtText(json, soughtText(text))).toBe(true);
  for (const text of ["ä", "say hi", "5_%"]) expect(hasSoughtText(json, soughtText(text))).toBe(false);
});

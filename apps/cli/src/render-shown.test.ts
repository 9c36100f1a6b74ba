import { expect, test } from "vitest";
import { cutToLine } from "./render-shown.ts";
import { lines, own } from "./shown.ts";

test("a status stays on one line, whatever it holds and however narrow the terminal is", () => {
  expect(cutToLine(own`pushing ${"a".repeat(100)}`, 20)).toBe("pushing aaaaaaaaaaa");
  expect(cutToLine(own`pushing ${"漢".repeat(100)}`, 20)).toBe("pushing 漢漢漢漢漢");
  expect(cutToLine(lines([own`first`, own`second`]), 20)).toBe("first");
  expect(cutToLine(own`short`, 20)).toBe("short");
});

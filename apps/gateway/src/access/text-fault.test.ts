import { expect, test } from "vitest";
import { textFault } from "./text-fault.ts";

test("a NUL or half a surrogate pair in a path or a query names nothing", () => {
  expect(textFault("a\u0000")).not.toBeNull();
  expect(textFault("a\ud83d")).not.toBeNull();
  expect(textFault("chat with 😀")).toBeNull();
});

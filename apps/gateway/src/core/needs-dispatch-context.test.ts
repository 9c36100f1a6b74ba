import { expect, test } from "vitest";
import { begun, finished, given, NOW, proceed } from "../../test/support/given.ts";
import { needsDispatchContext } from "./needs-dispatch-context.ts";

test.each(["look", "look_again", "tab"])(
  "a step that asks for the device tool %s: the device may have come since the inbox was read",
  (toolName) => {
    const { state } = given(begun);
    expect(needsDispatchContext(state, [finished(["a", toolName])], NOW)).toBe(true);
  },
);

test.each([[], ["fetch"], ["ask"], ["no such tool"]])(
  "a step that asks for no device costs no read (%s)",
  (...toolNames) => {
    const calls = toolNames.map((name, index): [string, string] => [`c-${index}`, name]);
    expect(needsDispatchContext(given(begun).state, [finished(...calls)], NOW)).toBe(false);
  },
);

test("an overdue device call: whether its device is connected decides between expired and unknown", () => {
  const { state } = given(begun).when(finished(["a", "look"]), proceed);
  expect(needsDispatchContext(state, [], NOW + 999)).toBe(false);
  expect(needsDispatchContext(state, [], NOW + 1000)).toBe(true);
});

test("an overdue call of a server tool asks for no device", () => {
  const { state } = given(begun).when(finished(["a", "fetch"]), proceed);
  expect(needsDispatchContext(state, [], NOW + 5000)).toBe(false);
});

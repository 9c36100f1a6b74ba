import { expect, test } from "vitest";
import { bounds, commentedBounds } from "./bounds-markdown.ts";

test("every bound has a value and a comment that says what it bounds", () => {
  expect(bounds.length).toBeGreaterThan(200);
  expect(bounds.filter(({ value, meaning }) => meaning.length < 10 || /undefined|NaN|\[object/.test(value))).toEqual(
    [],
  );
});

test("a bound takes the first sentence of its comment, and shares it with those that follow it", () => {
  const source = `/** Bounds. */

/** A body, in bytes: large. More of it. */
export const A_BYTES_MAX = 1;
/**
 * How long it waits, e.g. for
 * \`B\`, in ms. Then it goes.
 */
export const B_MS = 2;
export const C_MS = 3;
const HIDDEN = 4;

export const BARE = 5;
`;
  expect(commentedBounds(source)).toEqual([
    { name: "A_BYTES_MAX", meaning: "A body, in bytes: large." },
    { name: "B_MS", meaning: "How long it waits, e.g. for `B`, in ms." },
    { name: "C_MS", meaning: "How long it waits, e.g. for `B`, in ms." },
    { name: "BARE", meaning: "" },
  ]);
});

test("values are shown with their unit", () => {
  const of = (name: string) => bounds.find((bound) => bound.name === name)?.value;
  expect(of("BODY_BYTES_MAX")).toBe("1,048,576 bytes");
  expect(of("REQUEST_HEAD_TIMEOUT_MS")).toBe("10,000 ms");
  expect(of("TOKEN_LIFETIME_S_MAX")).toBe("86,400 s");
  expect(of("DEVICE_MESSAGE_RATE")).toBe("perSecond 200, burst 1,000");
  expect(of("JSON_PARTS_MAX")).toBe("100,000");
});

import { expect, test } from "vitest";
import { redirectOf } from "./redirect-of.ts";

const from = "http://one.example/v1/chat";

test.each<[string, number, string | null, string | null]>([
  ["a redirect to another address", 301, "http://two.example/v1", "http://two.example/v1"],
  ["a redirect within the origin", 303, "/other", "http://one.example/other"],
  ["an answer", 200, "/other", null],
  ["a redirect to nowhere", 302, null, null],
  ["a redirect to what is no address", 302, "http://", null],
  ["a redirect to what cannot be asked", 302, "mailto:a@b.example", null],
])("%s (%i to %s)", (_what, status, location, expected) => {
  const headers: Record<string, string> = location === null ? {} : { location };
  expect(redirectOf(new Response(null, { status, headers }), from)?.href ?? null).toBe(expected);
});

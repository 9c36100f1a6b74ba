import fc from "fast-check";
import { expect, test } from "vitest";
import { ListCursor } from "./list-cursor.ts";

const secret = new Uint8Array(32).fill(7);
const runs = new ListCursor(secret, "tenant-1", "/api/runs");

test("a cursor that a list gave is opened by that list of that tenant, and by no other", () => {
  const others = [
    new ListCursor(secret, "tenant-2", "/api/runs"),
    new ListCursor(secret, "tenant-1", "/api/agents"),
    new ListCursor(new Uint8Array(32).fill(8), "tenant-1", "/api/runs"),
  ];
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (cursor) => {
      const text = runs.seal(cursor);
      return runs.open(text) === cursor && others.every((other) => other.open(text) === null);
    }),
  );
});

test("a text that no list gave is no cursor, however like one it looks", () => {
  const given = runs.seal("abc");
  fc.assert(
    fc.property(
      fc.string({ maxLength: 60 }).filter((text) => text !== given),
      (text) => runs.open(text) === null,
    ),
  );
  const alike = ["", given.slice(1), `${given}x`, given.slice(0, -1), `A${given.slice(1)}`, `${given.slice(0, 22)}abd`];
  expect(alike.map((text) => runs.open(text))).toEqual(alike.map(() => null));
});

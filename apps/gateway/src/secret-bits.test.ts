import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { secretBits } from "./secret-bits.ts";
import { settingsTable } from "./settings-table.ts";

const { bitsMin } = settingsTable.HSAFA_JWT_SECRET;

test.each([
  ["one character", "a".repeat(64)],
  ["two in turn", "ab".repeat(32)],
  ["a word repeated", "password".repeat(8)],
  ["a phrase repeated", "change-me-".repeat(6)],
  ["a row of the alphabet", "abcdefghijklmnopqrstuvwxyz0123456789"],
  ["digits in order, again and again", "0123456789".repeat(4)],
])("%s is no secret, however long", (_what, secret) => {
  expect(secretBits(secret)).toBeLessThan(bitsMin);
});

test("no random secret of the shortest length is refused", () => {
  for (let seed = 0; seed < 3000; seed++) {
    const bytes = createHash("sha256").update(`${seed}`).digest();
    expect(secretBits(bytes.toString("hex").slice(0, 32))).toBeGreaterThan(bitsMin);
    expect(secretBits(bytes.toString("base64url").slice(0, 32))).toBeGreaterThan(bitsMin);
  }
});

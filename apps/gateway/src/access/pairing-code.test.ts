import { expect, test } from "vitest";
import { newPairingCode, typedPairingCode } from "./pairing-code.ts";

test("a code has no letter that is taken for another one, and none is like the one before", () => {
  const codes = Array.from({ length: 200 }, newPairingCode);
  for (const code of codes) expect(code).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  expect(new Set(codes).size).toBe(codes.length);
});

test.each(["WDJB-MJHT", "wdjbmjht", " WDJB MJHT\n", "wdjb-MJHT"])("'%s' is taken as a person typed it", (typed) => {
  expect(typedPairingCode(typed)).toBe("WDJB-MJHT");
});

test.each(["", "WDJB-MJH", "WDJB-MJHTT", "WDJB-MJHA", "WDJB-MJH1", "WDJB_MJHT", "x".repeat(5000)])(
  "'%s' is no code",
  (typed) => {
    expect(typedPairingCode(typed)).toBeNull();
  },
);

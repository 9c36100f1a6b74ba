import { expect, test } from "vitest";
import type { StoreSigns } from "../ports/generation.ts";
import { readSigns, type SeenStore } from "./read-signs.ts";

const SEEN: SeenStore = { tag: "aaaaaaaa", written: 1000 };
const signs = (overrides: Partial<StoreSigns>): StoreSigns => ({
  generation: { tag: "aaaaaaaa", formerTags: [], wasReplaced: false },
  isJudged: true,
  written: 1000,
  ...overrides,
});

test.each([
  ["a server whose log grows is fine", SEEN, signs({ written: 1001 }), { kind: "fine" }],
  [
    "a server whose log is shorter than it was has gone back",
    SEEN,
    signs({ written: 999 }),
    { kind: "judge", wentBack: true },
  ],
  ["a server that has started is judged", SEEN, signs({ isJudged: false }), { kind: "judge", wentBack: false }],
  [
    "a server that has started with a shorter log has gone back",
    SEEN,
    signs({ isJudged: false, written: 1 }),
    { kind: "judge", wentBack: true },
  ],
  [
    "a shorter log of another generation is no news",
    SEEN,
    signs({ generation: { tag: "bbbbbbbb", formerTags: [], wasReplaced: false }, written: 1 }),
    { kind: "fine" },
  ],
  [
    "a server that does not say how long its log is tells nothing by it",
    SEEN,
    signs({ written: null }),
    { kind: "fine" },
  ],
  [
    "a gateway that did not know the length before compares nothing",
    { tag: "aaaaaaaa", written: null },
    signs({ written: 1 }),
    { kind: "fine" },
  ],
] as const)("%s", (_name, seen, given, advice) => {
  expect(readSigns(seen, given)).toEqual(advice);
});

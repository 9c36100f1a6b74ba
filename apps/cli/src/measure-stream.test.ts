import { expect, test } from "vitest";
import { judgeStream } from "./measure-stream.ts";

test.each([
  ["come as they happen", [0, 500, 1000], [7, 506, 1012], "flows"],
  ["come all at once at the end", [0, 500, 1000], [1001, 1002, 1003], "held_back"],
  ["lie too near to tell", [0, 100, 200], [1, 2, 3], "too_short"],
  ["do not come", [], [], "too_short"],
] as const)("events that %s are judged rightly", (_what, happened, came, kind) => {
  expect(judgeStream(happened, came).kind).toBe(kind);
});

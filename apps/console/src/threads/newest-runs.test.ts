import { expect, test } from "vitest";
import { createNewestRuns } from "./newest-runs.ts";

test("each newest run is read once, and an abort ends the reading", async () => {
  const news = createNewestRuns();
  const stop = new AbortController();
  const read = news.read({ signal: stop.signal });
  news.tell("a");
  expect((await read.next()).value).toEqual({ runId: "a" });
  const next = read.next();
  news.tell("a");
  news.tell("b");
  expect((await next).value).toEqual({ runId: "b" });
  const never = read.next();
  stop.abort(new Error("left"));
  await expect(never).rejects.toThrow("left");
});

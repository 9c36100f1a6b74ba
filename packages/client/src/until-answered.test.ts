import { expect, test } from "vitest";
import { HsafaError } from "./error.ts";
import { untilAnswered } from "./until-answered.ts";

const failure = (status: number): HsafaError => new HsafaError({ code: "c", message: "m", status });

test("what may heal is waited for, what would not is thrown, and an abort ends the wait", async () => {
  const failures = [failure(0), failure(503)];
  const call = (): Promise<string> => {
    const next = failures.shift();
    return next === undefined ? Promise.resolve("here") : Promise.reject(next);
  };
  expect(await untilAnswered(call, undefined)).toBe("here");
  await expect(untilAnswered(() => Promise.reject(failure(404)), undefined)).rejects.toMatchObject({ status: 404 });
  const stop = new AbortController();
  const waiting = untilAnswered(() => Promise.reject(failure(503)), stop.signal);
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});

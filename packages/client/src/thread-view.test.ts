import type { RunEvent } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { nextRunView } from "./next-run-view.ts";
import { EMPTY_RUN_VIEW, hasEnded, type RunView } from "./run-view.ts";
import { EMPTY_THREAD_VIEW, messagesOf, openRuns } from "./thread-view.ts";

const viewOf = (runId: string, ...events: readonly (readonly [type: string, data: object])[]): RunView =>
  events
    .map(
      ([type, data], index) =>
        ({ id: `${index + 1}-0`, prev: "0-0", runId, ts: "", type, data }) as unknown as RunEvent,
    )
    .reduce(nextRunView, EMPTY_RUN_VIEW);

const said = (content: string, more: object = {}) =>
  ["message.user", { message: { role: "user", content }, ...more }] as const;
const texts = (...runs: RunView[]) =>
  messagesOf({ ...EMPTY_THREAD_VIEW, runs }).map((message) => (message.role === "user" ? message.content : ""));

test("a message that has entered another run is shown there alone, whichever of the two is heard of first", () => {
  const active = viewOf("a", said("first"));
  const taken = viewOf("a", said("first"), said("rather that", { mergedRunId: "b" }));
  const waiting = viewOf("b", said("rather that"));
  const merged = viewOf("b", said("rather that"), ["run.merged", { into: "a" }]);
  expect(texts(active, waiting)).toEqual(["first", "rather that"]);
  expect(texts(taken, waiting)).toEqual(["first", "rather that"]);
  expect(texts(active, merged)).toEqual(["first", "rather that"]);
  expect(texts(taken, merged)).toEqual(["first", "rather that"]);
});

test("a run that was merged has ended, and says into which it was", () => {
  const merged = viewOf("b", said("rather that"), ["run.merged", { into: "a" }]);
  expect(merged).toMatchObject({ status: "merged", mergedInto: "a" });
  expect(hasEnded(merged)).toBe(true);
  expect(openRuns({ ...EMPTY_THREAD_VIEW, runs: [merged] })).toEqual([]);
});

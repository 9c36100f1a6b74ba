import type { Run } from "@hsafa/protocol";
import { EMPTY_RUN_VIEW, type RunView, type ThreadView } from "@hsafa/client/view";
import { expect, test } from "vitest";
import { threadRows } from "./thread-rows.ts";

const USAGE = { inputTokens: 1, outputTokens: 1 };
const said = (runId: string, text: string, more: Partial<RunView> = {}): RunView => ({
  ...EMPTY_RUN_VIEW,
  runId,
  status: "completed",
  usage: USAGE,
  messages: [{ role: "user", id: "2-0", content: text }],
  ...more,
});

test("each run has its turn before what was said in it, and its failure behind it", () => {
  const error = { code: "provider_error", message: "no answer" };
  const view: ThreadView = {
    runs: [said("a", "one"), said("b", "two", { status: "failed", error })],
    inherited: [],
    hasEarlier: false,
  };
  const rows = threadRows(view, new Map([["a", { id: "a", agentName: "support" } as Run]]));
  expect(rows.map(({ kind, runId }) => `${kind} ${runId}`)).toEqual(["turn a", "user a", "turn b", "user b", "note b"]);
  expect(rows[0]).toMatchObject({ agentName: "support", hasEnded: true, isInherited: false });
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
});

test("what a branch has inherited comes first, and a message that has entered another run stands there alone", () => {
  const merged = said("c", "quick", { status: "merged", mergedInto: "b", messages: [] });
  const taken = said("b", "two", {
    messages: [
      { role: "user", id: "2-0", content: "two" },
      { role: "user", id: "5-0", content: "quick", mergedRunId: "c" },
    ],
  });
  const rows = threadRows(
    {
      runs: [taken, merged],
      inherited: [{ runId: "a", messages: [{ role: "user", id: "inherited/0", content: "one", isInherited: true }] }],
      hasEarlier: false,
    },
    new Map(),
  );
  expect(rows.map(({ kind, runId }) => `${kind} ${runId}`)).toEqual(["turn a", "user a", "turn b", "user b", "user b"]);
  expect(rows[0]).toMatchObject({ isInherited: true });
});

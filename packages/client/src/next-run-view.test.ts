import type { RunEvent } from "@hsafa/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyRecord, isFact } from "../test/any-record.ts";
import type { RunStreamEvent } from "./run-stream-transport.ts";
import { nextRunView } from "./next-run-view.ts";
import { type AssistantViewMessage, EMPTY_RUN_VIEW, hasEnded, type RunView } from "./run-view.ts";

const RUN_ID = "019b76da-0000-7000-8000-000000000001";
const TS = "2026-01-01T00:00:00.000Z";

const viewOf = (events: readonly RunStreamEvent[], from: RunView = EMPTY_RUN_VIEW): RunView =>
  events.reduce(nextRunView, from);

const event = (id: string, type: string, data: object): RunEvent =>
  ({ id, prev: "0-0", runId: RUN_ID, ts: TS, type, data }) as unknown as RunEvent;

const progress = (callId: string, data: string): RunStreamEvent => ({
  type: "tool.progress",
  runId: RUN_ID,
  ts: TS,
  data: { callId, data },
});

/** A run whose first step speaks and asks for a call. */
const SPOKEN = [
  event("1-0", "run.created", { earlier: [], metadata: {} }),
  event("2-0", "run.started", { epoch: 1, historyRunIds: [] }),
  event("3-0", "step.started", { step: 1 }),
  event("3-1", "text.start", { step: 1, partId: "a" }),
  event("3-2", "text.delta", { step: 1, partId: "a", text: "Let me " }),
  event("3-3", "text.delta", { step: 1, partId: "a", text: "look." }),
  event("3-4", "tool.input.start", { step: 1, callId: "c", toolName: "look" }),
  event("3-5", "tool.input.delta", { step: 1, callId: "c", toolName: "look", text: '{"at":' }),
];
const said = (view: RunView): AssistantViewMessage => view.messages.at(-1) as AssistantViewMessage;

test("a fork shows the conversation that it takes over, and which results are reused and which calls come again", () => {
  const asks = (callId: string) => ({ type: "tool-call", toolCallId: callId, toolName: "look", input: { at: callId } });
  const forkedFrom = { runId: "run-0", position: "9-0" };
  const error = { code: "not_repeated", message: "There was no result." };
  const messages = [
    { role: "assistant", content: [{ type: "text", text: "Let me." }, asks("a"), asks("b"), asks("c")] },
  ];
  const view = viewOf([
    event("1-0", "run.created", { earlier: [], metadata: {}, forkedFrom }),
    event("2-0", "message.user", { message: { role: "user", content: "Go." } }),
    event("3-0", "step.reused", { step: 1, from: "5-0", messages, reruns: [{ callId: "c", of: "old" }] }),
    event("4-0", "tool.reused", { callId: "a", toolName: "look", result: "seen" }),
    event("5-0", "tool.reused", { callId: "b", toolName: "look", error }),
    event("6-0", "step.reused", {
      step: 2,
      from: "8-0",
      messages: [{ role: "assistant", content: "Ha" }],
      partial: true,
    }),
  ]);
  expect(view).toMatchObject({
    status: "queued",
    forkedFrom,
    messages: [
      { role: "user", content: "Go." },
      {
        id: "3-0",
        state: "complete",
        parts: [
          { text: "Let me." },
          { callId: "a", state: "completed", result: "seen", isReused: true },
          { callId: "b", state: "failed", error, isReused: true },
          { callId: "c", state: "requested", args: { at: "c" }, isReused: false },
        ],
      },
      { id: "6-0", state: "cut", parts: [{ text: "Ha" }] },
    ],
  });
  const requested = { callId: "c", toolName: "look", args: {}, target: "device", step: 1 };
  const again = nextRunView(view, event("7-0", "tool.requested", requested));
  const answered = nextRunView(again, event("8-0", "tool.completed", { callId: "c", toolName: "look", result: 1 }));
  expect(answered.messages[1]).toMatchObject({ parts: [{}, {}, {}, { callId: "c", state: "completed", result: 1 }] });
  expect(answered.messages).toHaveLength(3);
});

test.each([
  ["run.failed", { error: { code: "recovery_exhausted", message: "It was given up." }, usage: {} }],
  ["run.canceled", { reason: null, usage: {} }],
])("a call that a run never asked for before its end by %s is not shown as one that may still come", (end, data) => {
  const call = { type: "tool-call", toolCallId: "c", toolName: "look", input: {} };
  const messages = [{ role: "assistant", content: [call] }];
  const view = viewOf([
    event("1-0", "run.created", { earlier: [], metadata: {} }),
    event("2-0", "step.reused", { step: 1, from: "5-0", messages, reruns: [{ callId: "c", of: "old" }] }),
    event("3-0", end, data),
  ]);
  expect(said(view).parts).toMatchObject([{ callId: "c", state: "failed", error: { code: "canceled" } }]);
});

describe("any record", () => {
  test("gives one view, however it was read: live, from its facts alone, or with events that came twice", () => {
    fc.assert(
      fc.property(anyRecord, fc.infiniteStream(fc.nat(4)), (record, back) => {
        const live = viewOf(record);
        expect(viewOf(record.filter(isFact))).toEqual(live);
        const twice = record.flatMap((_one, index) =>
          record.slice(Math.max(0, index - (back.next().value ?? 0)), index + 1),
        );
        expect(viewOf(twice)).toEqual(live);
        expect(hasEnded(live)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("leaves no part of a step that was discarded, and nothing that is still to come", () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const { messages } = viewOf(record);
        const states = messages.flatMap((message) => (message.role === "assistant" ? [message.state] : []));
        expect(states).not.toContain("streaming");
        const completed = record.filter(({ type, data }) => type === "step.completed" && !("summary" in data)).length;
        const earlier = messages.filter(({ id }) => id.includes("/")).length / 2;
        expect(states.filter((state) => state === "complete")).toHaveLength(completed + earlier);
      }),
    );
  });

  test("read on from any view of it, goes on as if it had never been left", () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(), (record, at) => {
        const cut = at % record.length;
        const kept = JSON.parse(JSON.stringify(viewOf(record.slice(0, cut)))) as RunView;
        expect(viewOf(record.slice(cut), kept)).toEqual(viewOf(record));
      }),
    );
  });
});

test("the text and the arguments of a step are shown while they come", () => {
  const view = viewOf(SPOKEN);
  expect(view).toMatchObject({ status: "running", position: "3-5" });
  expect(said(view)).toMatchObject({
    state: "streaming",
    parts: [
      { type: "text", text: "Let me look." },
      { type: "tool", callId: "c", toolName: "look", state: "input", inputText: '{"at":', args: null },
    ],
  });
});

test("a step that a crash cut leaves nothing; one that was canceled leaves its text, marked as cut", () => {
  const crashed = nextRunView(viewOf(SPOKEN), event("4-0", "step.discarded", { step: 1, reason: "crash" }));
  expect(crashed.messages).toEqual([]);
  const discarded = event("4-0", "step.discarded", { step: 1, reason: "cancel", partial: "Let me look." });
  expect(said(nextRunView(viewOf(SPOKEN), discarded))).toMatchObject({
    state: "cut",
    parts: [{ type: "text", text: "Let me look." }],
  });
});

test("a call that a child takes names that run, and how it ended", () => {
  const view = viewOf([
    ...SPOKEN,
    event("4-0", "tool.requested", { callId: "c", toolName: "look", args: {}, target: "server", step: 1 }),
  ]);
  const child = { runId: "c", agentId: "a", versionId: "v" };
  const taken = nextRunView(view, event("5-0", "tool.dispatched", { callId: "c", attempt: 1, deadline: TS, child }));
  const toolOf = (shown: RunView) => said(shown).parts.find((part) => part.type === "tool");
  expect(toolOf(taken)).toMatchObject({ state: "running", childRunId: "c", childStatus: null });
  const ended = event("6-0", "child.ended", { callId: "c", childRunId: "c", status: "failed", usage: {} });
  expect(toolOf(nextRunView(taken, ended))).toMatchObject({ childRunId: "c", childStatus: "failed" });
});

test("a call is followed from its request to its approval, its work and its result", () => {
  const messages = [
    { role: "assistant", content: [{ type: "tool-call", toolCallId: "c", toolName: "look", input: {} }] },
  ];
  const states: unknown[] = [];
  let view = viewOf(SPOKEN);
  for (const next of [
    event("4-0", "step.completed", { step: 1, finishReason: "tool-calls", messages, usage: {} }),
    event("5-0", "tool.requested", { callId: "c", toolName: "look", args: { at: 1 }, target: "device", step: 1 }),
    event("6-0", "tool.awaiting_approval", { callId: "c", expiresAt: TS, digest: "d", groups: ["finance"] }),
    event("7-0", "run.waiting", { callIds: ["c"] }),
    event("8-0", "tool.approved", { callId: "c", by: "ann" }),
    progress("c", "too early"),
    event("9-0", "tool.dispatched", { callId: "c", attempt: 1, deadline: TS }),
    progress("c", "half"),
    progress("unknown", "lost"),
    event("10-0", "tool.completed", { callId: "c", toolName: "look", result: 7, source: "device" }),
    progress("c", "too late"),
  ]) {
    view = nextRunView(view, next);
    const [tool] = said(view).parts;
    if (tool?.type === "tool") states.push([tool.state, tool.expiresAt, tool.progress, tool.result]);
  }
  expect(states).toEqual([
    ["requested", null, null, null],
    ["requested", null, null, null],
    ["awaiting_approval", TS, null, null],
    ["awaiting_approval", TS, null, null],
    ["approved", null, null, null],
    ["approved", null, null, null],
    ["running", TS, null, null],
    ["running", TS, "half", null],
    ["running", TS, "half", null],
    ["completed", null, null, 7],
    ["completed", null, null, 7],
  ]);
  expect(said(view).parts[0]).toMatchObject({
    question: { recipient: null, digest: "d", groups: ["finance"], selfApproval: false },
    decidedBy: "ann",
  });
  expect(view).toMatchObject({ status: "waiting_tool", waitingFor: ["c"] });
});

test("a model call that failed is shown until its next attempt begins", () => {
  const error = { code: "model_unavailable", message: "busy" };
  const waiting = viewOf([
    ...SPOKEN,
    event("4-0", "step.discarded", { step: 1, reason: "error", error }),
    event("5-0", "run.retrying", { attempt: 1, error, nextAt: TS }),
  ]);
  expect(waiting).toMatchObject({ retry: { attempt: 1, error, nextAt: TS }, messages: [] });
  expect(nextRunView(waiting, event("6-0", "step.started", { step: 1 })).retry).toBeNull();
});

test("a store that went back in time voids what was shown", () => {
  const rewound: RunStreamEvent = { type: "stream.rewound", runId: RUN_ID, ts: TS, data: { after: "3-5" } };
  expect(nextRunView(viewOf(SPOKEN), rewound)).toEqual(EMPTY_RUN_VIEW);
});

test("an event of a type that is not known here breaks nothing", () => {
  const before = viewOf(SPOKEN);
  const after = nextRunView(before, event("4-0", "tool.dreamed", { callId: "c" }));
  expect(after).toEqual({ ...before, position: "4-0" });
});

test("what did not change keeps its identity, so that a page renders only what did", () => {
  const before = viewOf([
    event("1-0", "message.user", { message: { role: "user", content: "hi" } }),
    ...SPOKEN.slice(2),
  ]);
  const after = nextRunView(before, event("3-6", "text.delta", { step: 1, partId: "a", text: "!" }));
  expect(after.messages[0]).toBe(before.messages[0]);
  expect(said(after).parts[1]).toBe(said(before).parts[1]);
  expect(nextRunView(after, SPOKEN[4] as RunEvent)).toBe(after);
});

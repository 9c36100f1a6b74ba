import type { JsonValue, RunEvent } from "@hsafa/protocol";
import fc from "fast-check";

type Data = Record<string, unknown>;
/** An event before it has a position. Deltas are the types that end in start, delta or end, but no facts. */
interface Told {
  readonly type: string;
  readonly data: Data;
  readonly isDelta?: true;
}

const RUN_ID = "019b76da-0000-7000-8000-000000000001";
const FAILURE = { code: "tool_error", message: "it broke" };

const word = fc.constantFrom("sun", " and ", "moon", "", "\n", "é");
const textPart = fc.record({ type: fc.constantFrom("text", "reasoning"), words: fc.array(word, { maxLength: 4 }) });
const settling = fc.constantFrom("completed", "failed", "denied", "expired", "expired_before_approval");
const call = fc.record({ args: fc.constantFrom<JsonValue>({ a: 1 }, [], "x"), settling });
const step = fc.record({
  parts: fc.array(textPart, { maxLength: 3 }),
  calls: fc.array(call, { maxLength: 2 }),
  /** How many of its deltas are told, and what becomes of it. */
  end: fc.constantFrom("completed", "completed", "completed", "crash", "cancel", "cancel_without_text"),
  told: fc.nat(12),
  summarizes: fc.boolean(),
  interrupts: fc.boolean(),
});
const end = fc.constantFrom("run.completed", "run.failed", "run.canceled");

type AnyStep = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Any record of a run that the gateway could write, to its end. */
export const anyRecord: fc.Arbitrary<readonly RunEvent[]> = fc
  .record({ steps: fc.array(step, { maxLength: 5 }), end, withEarlier: fc.boolean() })
  .map(({ steps, end: last, withEarlier }) =>
    place([
      { type: "run.created", data: { earlier: withEarlier ? earlierTurns() : [], metadata: {} } },
      { type: "run.started", data: { epoch: 1, historyRunIds: [] } },
      { type: "message.user", data: { message: { role: "user", content: "go" } } },
      ...steps.flatMap((one, index) => toldOf(one, index + 1)),
      { type: last, data: endOf(last) },
    ]),
  );

function earlierTurns(): unknown[] {
  return [
    { role: "user", content: "before" },
    { role: "assistant", content: [{ type: "text", text: "an answer" }] },
  ];
}

function endOf(type: string): Data {
  const usage = { totalTokens: 3 };
  if (type === "run.completed") return { output: "done", usage, finishReason: "stop" };
  return type === "run.failed" ? { error: FAILURE, usage } : { reason: "enough", usage };
}

function toldOf(one: AnyStep, number: number): readonly Told[] {
  if (one.summarizes) {
    return [
      { type: "step.started", data: { step: number, summarizesThrough: RUN_ID } },
      {
        type: "step.completed",
        data: { step: number, finishReason: "stop", messages: [], summary: { text: "short", throughRunId: RUN_ID } },
      },
    ];
  }
  const callId = (index: number): string => `call-${number}-${index}`;
  const deltas: Told[] = [
    ...one.parts.flatMap(({ type, words }, index): Told[] => {
      const data = { step: number, partId: String(index) };
      return [
        { type: `${type}.start`, data, isDelta: true },
        ...words.map((text): Told => ({ type: `${type}.delta`, data: { ...data, text }, isDelta: true })),
        { type: `${type}.end`, data, isDelta: true },
      ];
    }),
    ...one.calls.flatMap(({ args }, index): Told[] => {
      const data = { step: number, callId: callId(index), toolName: "work" };
      return [
        { type: "tool.input.start", data, isDelta: true },
        { type: "tool.input.delta", data: { ...data, text: JSON.stringify(args) }, isDelta: true },
        { type: "tool.input.end", data, isDelta: true },
      ];
    }),
  ];
  const started: Told = { type: "step.started", data: { step: number } };
  if (one.end !== "completed") {
    const told = deltas.slice(0, one.told);
    const texts = told.flatMap(({ type, data }) => (type === "text.delta" ? [String(data["text"])] : []));
    const partial = one.end === "cancel" ? { partial: texts.join("") } : {};
    const reason = one.end === "crash" ? "crash" : "cancel";
    return [started, ...told, { type: "step.discarded", data: { step: number, reason, ...partial } }];
  }
  const content = [
    ...one.parts.map(({ type, words }) => ({ type, text: words.join("") })),
    ...one.calls.map(({ args }, index) => ({
      type: "tool-call",
      toolCallId: callId(index),
      toolName: "work",
      input: args,
    })),
  ];
  const messages = [{ role: "assistant", content }];
  const finishReason = one.calls.length > 0 ? "tool-calls" : "stop";
  const said: Told = { type: "message.user", data: { message: { role: "user", content: "meanwhile" } } };
  return [
    started,
    ...deltas,
    { type: "step.completed", data: { step: number, finishReason, messages, usage: {} } },
    ...one.calls.map(
      ({ args }, index): Told => ({
        type: "tool.requested",
        data: { callId: callId(index), toolName: "work", args, target: "device", step: number },
      }),
    ),
    ...(one.calls.length === 0 ? [] : [{ type: "run.waiting", data: { callIds: one.calls.map((_, i) => callId(i)) } }]),
    ...one.calls.flatMap((each, index) => settlingOf(callId(index), each.settling)),
    ...(one.interrupts ? [said] : []),
    ...(one.calls.length === 0 ? [] : [{ type: "run.resumed", data: { epoch: number + 1 } }]),
  ];
}

function settlingOf(callId: string, how: string): readonly Told[] {
  const asked = { type: "tool.awaiting_approval", data: { callId, expiresAt: "2026-01-01T00:00:00.000Z" } };
  const common = { callId, toolName: "work" };
  if (how === "denied") return [asked, { type: "tool.denied", data: { ...common, reason: "no" } }];
  if (how === "expired_before_approval") return [asked, { type: "tool.expired", data: { ...common, error: FAILURE } }];
  const under = [
    { type: "tool.approved", data: { callId, by: "somebody" } },
    { type: "tool.dispatched", data: { callId, attempt: 1, deadline: "2026-01-01T00:01:00.000Z" } },
  ];
  switch (how) {
    case "completed":
      return [asked, ...under, { type: "tool.completed", data: { ...common, result: { ok: true }, source: "device" } }];
    case "failed":
      return [...under.slice(1), { type: "tool.failed", data: { ...common, error: FAILURE } }];
    default:
      return [...under.slice(1), { type: "tool.expired", data: common }];
  }
}

function place(told: readonly Told[]): readonly RunEvent[] {
  let [seq, sub] = [0, 0];
  let prev = "0-0";
  return told.map(({ type, data, isDelta }) => {
    [seq, sub] = isDelta === true ? [seq, sub + 1] : [seq + 1, 0];
    const id = `${seq}-${sub}`;
    const event = { id, prev, runId: RUN_ID, ts: "2026-01-01T00:00:00.000Z", type, data };
    prev = id;
    return event as unknown as RunEvent;
  });
}

/** Whether the event is a fact. */
export function isFact({ id }: RunEvent): boolean {
  return id.endsWith("-0");
}

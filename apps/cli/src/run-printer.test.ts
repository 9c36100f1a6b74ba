import type { RunStreamEvent } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { createRunPrinter } from "./run-printer.ts";

type Told = { [T in RunEvent["type"]]: { type: T; data: Extract<RunEvent, { type: T }>["data"] } }[RunEvent["type"]];

/** Returns what these events print on each output, without colours. */
function printed(...events: Told[]): { result: string; notes: string; both: string } {
  const print = createRunPrinter((_style, text) => text);
  const seen = { result: "", notes: "", both: "" };
  for (const event of events) {
    for (const { to, text } of print({ ...event, runId: "run-1", id: "1-0", ts: "" } as RunStreamEvent)) {
      seen[to] += text;
      seen.both += text;
    }
  }
  return seen;
}

const text = (piece: string): Told => ({ type: "text.delta", data: { step: 1, partId: "t", text: piece } });
const thought = (piece: string): Told => ({ type: "reasoning.delta", data: { step: 1, partId: "r", text: piece } });
const started: Told = { type: "step.started", data: { step: 1 } };
const completed = (content: string): Told => ({
  type: "step.completed",
  data: { step: 1, finishReason: "stop", messages: [{ role: "assistant", content }], usage: {} },
});
const requested: Told = {
  type: "tool.requested",
  data: { callId: "c", toolName: "look", args: { at: "x" }, target: "device", step: 1 },
};

describe("a run on the terminal", () => {
  test("only what the model says is the result, so that it can be piped", () => {
    const end: Told = { type: "run.completed", data: { output: "", usage: { inputTokens: 3, outputTokens: 4 } } };
    const { result, notes } = printed(started, thought("hm"), text("Hello "), text("there."), requested, end);
    expect(result).toBe("Hello there.\n");
    expect(notes).toContain("hm\n");
    expect(notes).toContain("completed (3 tokens in, 4 out)");
  });

  test("reasoning, text and calls never share a line", () => {
    const { both } = printed(started, thought("hm"), text("Hello"), requested);
    expect(both.split("\n")).toEqual(["hm", "Hello", '-> look {"at":"x"} [device, call c]', ""]);
  });

  test("a text that ends its line gets no empty one", () => {
    expect(printed(started, text("Hello\n"), requested).result).toBe("Hello\n");
  });

  test("a step whose deltas were compacted tells its text all the same", () => {
    expect(printed(started, completed("Hello.")).result).toBe("Hello.\n");
  });

  test("a text that was seen, whole or from its middle on, is not told again by the finished step", () => {
    expect(printed(started, text("Hello."), completed("Hello.")).result).toBe("Hello.\n");
    expect(printed(text("lo."), completed("Hello.")).result).toBe("lo.\n");
  });

  test("long arguments and line breaks stay on one line", () => {
    const { notes } = printed({
      type: "tool.completed",
      data: { callId: "c", toolName: "look", result: `a\n  b${"x".repeat(1000)}`, source: "device" },
    });
    expect(notes).toMatch(/^<- look a bx+\.\.\.\n$/);
    expect(notes.length).toBeLessThan(500);
  });

  test("a call that waits for a person says what to type", () => {
    const { notes } = printed({ type: "tool.awaiting_approval", data: { callId: "c", expiresAt: "" } });
    expect(notes).toContain("npx hsafa approve run-1 c");
  });

  test("an event of a newer gateway is passed over", () => {
    expect(createRunPrinter((_style, shown) => shown)({ type: "run.dreamt" } as unknown as RunStreamEvent)).toEqual([]);
  });
});

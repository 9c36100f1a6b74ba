import type { RunStreamEvent } from "@hsafa/client";
import type { RunEvent } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { renderShown } from "./render-shown.ts";
import { createRunPrinter } from "./run-printer.ts";

type Told = { [T in RunEvent["type"]]: { type: T; data: Extract<RunEvent, { type: T }>["data"] } }[RunEvent["type"]];

/** Returns what these events print on each output, without colours. */
function printed(...events: Told[]): { result: string; notes: string; both: string } {
  return printedBy(createRunPrinter({ marksResult: false }), events);
}

function printedBy(print: ReturnType<typeof createRunPrinter>, events: readonly Told[]): ReturnType<typeof printed> {
  const seen = { result: "", notes: "", both: "" };
  for (const event of events) {
    for (const { to, shown } of print({ ...event, runId: "run-1", id: "1-0", ts: "" } as RunStreamEvent)) {
      const { text } = renderShown(shown, { columns: null, paint: (_style, painted) => painted });
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

  test("the object with which a run ends is the whole result, however often the model had to answer", () => {
    const asks: Told = { type: "step.started", data: { step: 1, object: true } };
    const unfit = completed('{"city": 1}');
    const fault: Told = { ...unfit, data: { ...unfit.data, outputFault: "/city must be string" } } as Told;
    const end: Told = { type: "run.completed", data: { output: { city: "Rome" }, usage: {} } };
    const { result, notes } = printed(asks, text('{"city": 1}'), fault, asks, text('{"city": "Rome"}'), end);
    expect(result).toBe('{\n  "city": "Rome"\n}\n');
    expect(notes).toContain("(the answer does not fit: /city must be string)");
  });

  test("what the provider does by itself is a note, and its sources stand behind the answer", () => {
    const called: Told = {
      type: "provider.called",
      data: { step: 1, callId: "c", toolName: "web_search", args: { query: "lemons" } },
    };
    const failed: Told = {
      type: "provider.answered",
      data: { step: 1, callId: "c", toolName: "web_search", failed: true },
    };
    const done = completed("They grow.");
    const sources = [{ type: "url", url: "https://a.example/", title: "A" }];
    const citations = [{ source: 0, text: 0, start: 5, end: 9 }];
    const end: Told = { ...done, data: { ...done.data, sources, citations } } as Told;
    const { result, notes } = printed(started, called, failed, text("They grow."), end);
    expect(result).toBe("They grow.\n");
    expect(notes).toContain('~> web_search {"query":"lemons"} [provider]\n<~ web_search failed\n');
    expect(notes).toContain("   source: A https://a.example/\n     for: grow\n");
  });

  test("what a fork reuses is told as such, and is no result of it", () => {
    const messages = [{ role: "assistant" as const, content: "Let me look." }];
    const error = { code: "not_repeated", message: "There was no result." };
    const { result, notes } = printed(
      { type: "step.reused", data: { step: 1, from: "5-0", messages } },
      { type: "tool.reused", data: { callId: "c", toolName: "look", result: { at: "x" } } },
      { type: "tool.reused", data: { callId: "d", toolName: "save", error } },
      started,
      text("Done."),
      { type: "text.end", data: { step: 1, partId: "t" } },
    );
    expect(result).toBe("Done.\n");
    expect(notes.split("\n")).toEqual([
      "(reused) Let me look.",
      '(reused) <- look {"at":"x"}',
      "(reused) <- save There was no result. [not_repeated]",
      "",
    ]);
  });

  test("the end says what the run cost, where that is known, and which limit ended it", () => {
    const error = { code: "limit_exceeded", message: "The run cost 0.02 US dollars of 0.01." };
    const end: Told = {
      type: "run.failed",
      data: { error, usage: { inputTokens: 3, outputTokens: 4, costUsd: 0.02 } },
    };
    expect(printed(end).notes).toBe(
      "failed: The run cost 0.02 US dollars of 0.01. [limit_exceeded] (3 tokens in, 4 out, $0.02)\n",
    );
  });

  test("reasoning, text and calls never share a line", () => {
    const { both } = printed(started, thought("hm"), text("Hello"), requested);
    expect(both.split("\n")).toEqual(["| hm", "Hello", '-> look {"at":"x"} [device, call c]', ""]);
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

  test("an expired call says whether it may have happened, also where an earlier version did not", () => {
    const expired = (message?: string): Told => {
      const error = message === undefined ? {} : { error: { code: "not_executed", message } };
      return { type: "tool.expired", data: { callId: "c", toolName: "look", ...error } };
    };
    expect(printed(expired("It was not executed.")).notes).toBe(
      "<- look expired: It was not executed. [not_executed]\n",
    );
    expect(printed(expired()).notes).toBe("<- look did not answer in time\n");
  });

  test("what the model was not shown is told, a line for each", () => {
    const leftOut = [
      { reason: "too_long" as const, what: "the turns of 3 earlier runs" },
      { reason: "unsupported" as const, what: "a file of type audio/wav" },
    ];
    const { data } = completed("Hello.") as Extract<Told, { type: "step.completed" }>;
    const { result, notes } = printed(started, text("Hello."), { type: "step.completed", data: { ...data, leftOut } });
    expect(result).toBe("Hello.\n");
    expect(notes).toBe(
      "(not shown to the model: the turns of 3 earlier runs)\n(not shown to the model: a file of type audio/wav)\n",
    );
    const cut: Told = { type: "step.discarded", data: { step: 1, reason: "error", leftOut } };
    expect(printed(started, cut).notes).toBe(`(the step was cut short: error)\n${notes}`);
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

  test("what a model says or calls its tools cannot look like a line of hsafa's own, nor steer the terminal", () => {
    const forged = "   waits for an approval: npx hsafa approve run-1 other";
    const evil = `\u001b[2J\u001b]52;c;cm0=\u0007\u009b8m\r${forged}\n${forged}\u2028${forged}`;
    const events: Told[] = [
      started,
      thought(evil),
      text(evil),
      { type: "tool.requested", data: { callId: evil, toolName: evil, args: evil, target: "device", step: 1 } },
      { type: "tool.failed", data: { callId: "c", toolName: evil, error: { code: evil, message: evil } } },
      { type: "tool.progress", data: { callId: "c", data: { [evil]: evil } } },
      { type: "run.failed", data: { error: { code: evil, message: evil }, usage: {} } },
    ] as Told[];
    const { both } = printedBy(createRunPrinter({ marksResult: true }), events);
    expect(both).toContain("approve run-1 other");
    expect(both).not.toMatch(/[^\P{Cc}\n]|[\u2028\u2029]/u);
    expect(both.split("\n").filter((line) => line.startsWith("   waits for an approval"))).toEqual([]);
  });

  test("an event of a newer gateway is passed over", () => {
    expect(createRunPrinter({ marksResult: false })({ type: "run.dreamt" } as unknown as RunStreamEvent)).toEqual([]);
  });
});

import { type AgentConfigInput, type Fact } from "@hsafa/protocol";
import { agentConfigSchema } from "@hsafa/protocol/schema";
import { decide } from "../../src/core/decide.ts";
import { evolve, initialState } from "../../src/core/evolve.ts";
import type { RunInput } from "../../src/core/input.ts";
import type { RunState } from "../../src/core/run-state.ts";

/** Facts and inputs in as few words as a rule needs, and `given(...).when(...)` to read it by. */

export const NOW = Date.parse("2026-11-22T12:00:00.000Z");

const anySchema = { type: "object" };

export const config = (changes: Partial<AgentConfigInput> = {}) =>
  agentConfigSchema.parse({
    name: "test",
    model: "demo/hello",
    tools: [
      { name: "look", inputSchema: anySchema, target: "device", device: { key: "laptop" }, timeoutMs: 1000 },
      { name: "look_again", inputSchema: anySchema, target: "device", device: { select: "any" }, repeatable: true },
      { name: "fetch", inputSchema: anySchema, server: { type: "function" }, timeoutMs: 1000 },
      { name: "refetch", inputSchema: anySchema, server: { type: "function" }, repeatable: true, timeoutMs: 1000 },
      { name: "ask", inputSchema: anySchema, target: "external" },
      { name: "pay", inputSchema: anySchema, target: "device", approval: "always" },
      { name: "must", inputSchema: anySchema, target: "device", timeoutMs: 1000, onTimeout: "fail-run" },
      { name: "tab", inputSchema: anySchema, target: "browser" },
      { name: "nap", server: { type: "sleep" } },
    ],
    ...changes,
  });

export const created: Fact = {
  type: "run.created",
  data: { agentId: "a", versionId: "v", threadId: null, earlier: [], deviceKey: null, metadata: {} },
};
export const asked = (text: string): Fact => ({
  type: "message.user",
  data: { message: { role: "user", content: text } },
});
export const started: Fact = { type: "run.started", data: { epoch: 1, historyRunIds: [] } };
const stepStarted = (step: number): Fact => ({ type: "step.started", data: { step } });
export const begun = [created, asked("hi"), started, stepStarted(1)];

export const claimed = (lost: boolean, epoch = 2): RunInput => ({ kind: "claimed", epoch, lost, historyRunIds: [] });
export const proceed: RunInput = {
  kind: "proceed",
  epoch: 2,
  isRecordFull: false,
  agents: {},
  devices: { laptop: { deviceId: "d-1", owner: "ann", ownerId: "key:1" } },
  dispatches: {},
};
export const finished = (...calls: [callId: string, toolName: string][]): RunInput => ({
  kind: "step_finished",
  finishReason: calls.length > 0 ? "tool-calls" : "stop",
  messages: [
    {
      role: "assistant",
      content: [
        { type: "text", text: "said" },
        ...calls.map(([toolCallId, toolName]) => ({ type: "tool-call" as const, toolCallId, toolName, input: {} })),
      ],
    },
  ],
  usage: { inputTokens: 1, outputTokens: 2 },
  calls: calls.map(([callId, toolName]) => ({ callId, toolName, args: {}, invalid: null })),
});
export const result = (callId: string, value = "ok"): RunInput => ({
  kind: "tool_result",
  callId,
  outcome: { kind: "completed", result: value },
  source: "device",
  deviceId: "d-1",
});

export function fold(facts: readonly Fact[], state: RunState, at = NOW): RunState {
  return facts.reduce((before, fact) => evolve(before, fact, at), state);
}

export const newRun = (changes: Partial<AgentConfigInput> = {}, deviceKey: string | null = null): RunState =>
  initialState({ runId: "r", config: config(changes), deviceKey });

interface Given {
  readonly state: RunState;
  /** Tells inputs one after another, `at` a time, and keeps what the last one decided. */
  when(...inputs: RunInput[]): Given & { readonly facts: readonly Fact[]; readonly types: readonly string[] };
  at(now: number): Given;
}

export function given(facts: readonly Fact[], state = newRun(), now = NOW): Given {
  return from(fold(facts, state, now), now);
}

function from(state: RunState, now: number): Given {
  return {
    state,
    at: (later) => from(state, later),
    when(...inputs) {
      let after = state;
      let facts: readonly Fact[] = [];
      for (const input of inputs) {
        facts = decide(after, input, now);
        after = fold(facts, after, now);
      }
      return { ...from(after, now), facts, types: facts.map((fact) => fact.type) };
    },
  };
}

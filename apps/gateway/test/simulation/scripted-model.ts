import type { AssistantPart, JsonObject, Message } from "@hsafa/protocol";
import type { Model, ModelOutcome, ModelPart } from "../../src/ports/model.ts";
import { planOf, type PlannedStep } from "./agent.ts";
import { childArguments, delegatingTools, isDelegation } from "./children-of-runs.ts";
import type { Machine } from "./machine.ts";
import { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import { NAP } from "./nap.ts";
import { planIn } from "./plan-in.ts";
import { napArguments, sleepyTools } from "./sleeping-runs.ts";
import { shownFault } from "./shared-files.ts";
import type { StallStep } from "./stalling-run.ts";
import { answerPieces, repairFault } from "./structured-runs.ts";

/** What the provider remembers: how often each step has failed so far. */
export interface Provider {
  readonly seed: number;
  readonly failed: Map<string, number>;
  /** Whether its plans have sleeps. */
  readonly isSleepy: boolean;
  /** Whether its answers are objects. */
  readonly isStructured: boolean;
  /** Whether they start children. */
  readonly isDelegating: boolean;
}

/** A model that follows the plan which the conversation names, at the plan's pace and in one machine's time. */
export function scriptedModel(
  machine: Machine,
  provider: Provider,
  recorder: Recorder,
  stall: StallStep | null,
): Model {
  const { clock } = machine;

  function pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const abort = (): void => {
        forget();
        resolve();
      };
      const forget = clock.after(delayMs, () => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  return {
    check: () => null,
    async step({ call, idleTimeoutMs, signal, waitForCapacity: room }, onPart): Promise<ModelOutcome> {
      if (!machine.mayAct()) return new Promise(() => {});
      const fault = conversationFault(call.messages);
      if (fault !== null) recorder.fail("R4", `the model was shown a conversation in which ${fault}`);
      const unrepaired = provider.isStructured ? repairFault(call.messages) : null;
      if (unrepaired !== null) recorder.fail("output", `the model was shown a conversation in which ${unrepaired}`);
      const { plan, index } = placeIn(call.messages);
      const shown = shownFault(call.messages, plan, recorder);
      if (shown !== null) recorder.fail("files", `the model was shown a conversation in which ${shown}`);
      const random = new Random(provider.seed ^ (plan * 7919));
      const steps = planOf(random);
      // A wrong answer is repaired as it was given: at the same pace, and after as many failures.
      const planned: PlannedStep | undefined = steps[index] ?? (provider.isStructured ? steps.at(-1) : undefined);
      const slept =
        planned !== undefined && provider.isSleepy ? { ...planned, tools: sleepyTools(planned.tools) } : planned;
      const step =
        slept !== undefined && provider.isDelegating ? { ...slept, tools: delegatingTools(slept.tools) } : slept;
      machine.scheduler.trace(`${machine.name} model ${plan}.${index}`);
      await stall?.(machine, plan);
      await room?.();
      const { reasoning = 0, words = 1, paceMs = 5, tools = [], failures = 0, failure = "network" } = step ?? {};
      const key = `${plan}.${index}`;
      const failedBefore = provider.failed.get(key) ?? 0;
      const willFail = failedBefore < failures;
      if (willFail) provider.failed.set(key, failedBefore + 1);

      const say = async (part: ModelPart): Promise<boolean> => {
        await room?.();
        if (part.at === "delta") await pause(paceMs * machine.random.between(0.5, 1.5), signal);
        if (signal.aborted) return false;
        onPart(part);
        return true;
      };
      const stream = async (kind: "text" | "reasoning", pieces: readonly string[], until: number): Promise<string> => {
        if (pieces.length === 0) return "";
        let text = "";
        await say({ kind, at: "start", partId: kind });
        for (const next of pieces.slice(0, until)) {
          if (!(await say({ kind, at: "delta", partId: kind, text: next }))) break;
          text += next;
        }
        if (until >= pieces.length) await say({ kind, at: "end", partId: kind });
        return text;
      };

      await pause(machine.random.delayMs(20), signal);
      const wordsOf = (kind: string, count: number): string[] =>
        Array.from({ length: count }, (_, word) => `${kind} ${key}/${word} `);
      const thought = await stream("reasoning", wordsOf("reasoning", reasoning), reasoning);
      const isAnswer = provider.isStructured && tools.length === 0;
      const tries = Math.max(0, index - steps.length + 1);
      const said = isAnswer ? answerPieces(provider.seed, plan, tries) : wordsOf("text", words);
      const text = await stream("text", said, willFail ? Math.floor(said.length / 2) : said.length);
      if (signal.aborted) return { kind: "aborted" };
      if (willFail) {
        if (failure === "silence") await pause(idleTimeoutMs, signal);
        if (signal.aborted) return { kind: "aborted" };
        const kind = failure === "silence" ? "idle" : failure;
        return { kind: "failed", failure: { kind, message: "as planned", retryAfterMs: null } };
      }
      const argsOf = (toolName: string, nth: number): JsonObject => {
        if (toolName === NAP) return napArguments(provider.seed ^ (plan * 104_729) ^ (index * 7919));
        return isDelegation(toolName) ? childArguments(plan, index, nth) : { for: key };
      };
      const calls = tools.map((toolName, nth) => ({
        callId: clock.newId(),
        toolName,
        args: argsOf(toolName, nth),
        fault: null,
        written: "whole" as const,
      }));
      for (const { callId, toolName } of calls) {
        await say({ kind: "tool_input", at: "start", callId, toolName });
        await say({ kind: "tool_input", at: "delta", callId, toolName, text: "{}" });
        await say({ kind: "tool_input", at: "end", callId, toolName });
      }
      if (signal.aborted) return { kind: "aborted" };
      const content: AssistantPart[] = [
        ...(thought === "" ? [] : [{ type: "reasoning" as const, text: thought }]),
        ...(text === "" ? [] : [{ type: "text" as const, text }]),
        ...calls.map(({ callId, toolName, args }) => ({
          type: "tool-call" as const,
          toolCallId: callId,
          toolName,
          input: args,
        })),
      ];
      return {
        kind: "finished",
        finishReason: calls.length > 0 ? "tool-calls" : "stop",
        messages: [{ role: "assistant", content }],
        calls,
        usage: { outputTokens: words },
      };
    },
  };
}

/** Which plan the conversation is about, and how many of its steps were taken. */
function placeIn(messages: readonly Message[]): { plan: number; index: number } {
  const at = messages.findLastIndex((message) => planIn(message) !== null);
  const named = messages[at];
  const index = messages.slice(at + 1).filter((message) => message.role === "assistant").length;
  return { plan: (named === undefined ? null : planIn(named)) ?? 0, index };
}

/** Every call that the assistant made is answered once, directly after it. */
function conversationFault(messages: readonly Message[]): string | null {
  for (const [index, message] of messages.entries()) {
    if (message.role !== "assistant" || typeof message.content === "string") continue;
    const asked = message.content.flatMap((part) =>
      part.type === "tool-call" && part.providerExecuted !== true ? [part.toolCallId] : [],
    );
    if (asked.length === 0) continue;
    const next = messages[index + 1];
    const answered = next?.role === "tool" ? next.content.map((part) => part.toolCallId) : [];
    if (asked.toSorted().join() !== answered.toSorted().join())
      return `${asked.join()} is answered by ${answered.join()}`;
  }
  return null;
}

import type { AssistantPart, Message, Source } from "@hsafa/protocol";
import type { Model, ModelOutcome, ModelPart } from "../../src/ports/model.ts";
import type { Plant } from "./plants.ts";
import { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import { dataOf, type RunHistory } from "./run-history.ts";

/** The tool that the provider executes itself. */
const SEARCH = "web_search";
const SALT = 0x61c88647;
/** How often a provider pauses one turn at most. */
const PAUSES_MAX = 3;

/** What the provider does by itself in one step. */
interface Search {
  readonly parts: readonly AssistantPart[];
  readonly told: readonly ModelPart[];
  readonly sources: readonly Source[];
  readonly isPaused: boolean;
}

function searchOf(key: number, newId: () => string, mayPause: boolean): Search {
  const random = new Random(key);
  const searches = Array.from({ length: random.whole(0, 2) }, (_, index) => {
    const source: Source = { type: "url", url: `https://found.example/${key}/${index}` };
    return { about: { toolCallId: newId(), toolName: SEARCH }, source };
  });
  const isPaused = mayPause && searches.length > 0 && random.chance(0.4);
  return {
    isPaused,
    sources: searches.map(({ source }) => source),
    parts: searches.flatMap(({ about, source }): AssistantPart[] => [
      { type: "tool-call", input: { query: key }, providerExecuted: true, ...about },
      { type: "tool-result", output: { type: "json", value: [source] }, ...about },
    ]),
    told: searches.flatMap(({ about: { toolCallId: callId, toolName }, source }): ModelPart[] => [
      { kind: "provider", at: "called", callId, toolName, args: { query: key } },
      { kind: "provider", at: "answered", callId, toolName, isError: false },
      { kind: "source", at: "found", source },
    ]),
  };
}

/** The model of a world whose provider searches before the model speaks, and pauses a long turn instead. */
export function searchingModel(model: Model, seed: number, newId: () => string, plant: Plant | null): Model {
  return {
    ...model,
    async step(params, onPart): Promise<ModelOutcome> {
      const { messages } = params.call;
      const pauses = pausesAtEnd(messages);
      const key = seed ^ (messages.length * SALT) ^ pauses;
      const search = searchOf(key, newId, pauses < PAUSES_MAX);
      for (const part of search.told) if (!params.signal.aborted) onPart(part);
      const { parts, sources } = search;
      if (search.isPaused) {
        if (params.signal.aborted) return { kind: "aborted" };
        const paused = plant === "end_with_a_pause" ? {} : { paused: true as const };
        const said: Message[] = [{ role: "assistant", content: [...parts] }];
        return {
          kind: "finished",
          finishReason: "stop",
          messages: said,
          calls: [],
          usage: { outputTokens: 1 },
          sources,
          ...paused,
        };
      }
      const asked = { ...params.call, messages: withoutPauses(messages) };
      const outcome = await model.step({ ...params, call: asked }, onPart);
      if (outcome.kind !== "finished") return outcome;
      const [said] = outcome.messages;
      const content = said?.role === "assistant" && typeof said.content !== "string" ? said.content : [];
      const planted = plant === "dispatch_provider_calls" ? parts.flatMap(askedInstead) : [];
      return {
        ...outcome,
        messages: [{ role: "assistant", content: [...parts, ...content] }],
        calls: [...planted, ...outcome.calls],
        ...(sources.length === 0 ? {} : { sources }),
      };
    },
  };
}

function askedInstead(part: AssistantPart) {
  if (part.type !== "tool-call") return [];
  return [{ callId: part.toolCallId, toolName: "look", args: {}, fault: null, written: "whole" as const }];
}

function isPause(message: Message): boolean {
  return (
    message.role === "assistant" &&
    typeof message.content !== "string" &&
    message.content.length > 0 &&
    message.content.every((part) => part.type === "tool-result" || (part.type === "tool-call" && part.providerExecuted))
  );
}

function pausesAtEnd(messages: readonly Message[]): number {
  return messages.length - 1 - messages.findLastIndex((message) => !isPause(message));
}

/** The plan of a run counts what its model said. */
function withoutPauses(messages: readonly Message[]): readonly Message[] {
  return messages.filter((message) => !isPause(message));
}

/**
 * What a provider executes is asked of nobody else, and has its result in the step. A turn that it pauses ends no run.
 * The step's deltas name the same calls and sources as its fact.
 */
export function checkSearches(recorder: Recorder, { runId, facts, deltas }: RunHistory): void {
  const fail = (what: string): void => recorder.fail("provider", `${runId} ${what}`);
  const ofProvider = new Set<string>();
  let isPaused = false;
  for (const fact of facts) {
    const data = dataOf(fact);
    if (fact.type === "step.completed") {
      const messages = data["messages"] as Message[];
      isPaused = data["paused"] === true;
      if (messages.some(isPause) && !isPaused) fail("takes a turn that was paused for whole");
      if (isPaused) recorder.counts.pauses += 1;
      const own = callsOf(messages);
      if (own.length > 0) recorder.counts.searches += 1;
      for (const { toolCallId, hasResult } of own) {
        ofProvider.add(toolCallId);
        if (!hasResult) fail(`lacks the result of ${toolCallId}`);
        if (![...deltas.values()].some((text) => text.includes(toolCallId)))
          fail(`showed nobody the call ${toolCallId}`);
      }
      const sources = (data["sources"] ?? []) as Source[];
      if (sources.length !== own.length) fail(`has ${sources.length} sources of ${own.length}`);
    }
    if (typeof data["callId"] === "string" && ofProvider.has(data["callId"]))
      fail(`asks somebody else by ${fact.type}`);
    if (fact.type === "run.completed" && isPaused) fail("ends with a turn that is paused");
  }
}

function callsOf(messages: readonly Message[]): { readonly toolCallId: string; readonly hasResult: boolean }[] {
  const parts = messages.flatMap(({ role, content }) =>
    role === "assistant" && typeof content !== "string" ? content : [],
  );
  return parts.flatMap((part) => {
    if (part.type !== "tool-call" || part.providerExecuted !== true) return [];
    const { toolCallId } = part;
    const hasResult = parts.some((other) => other.type === "tool-result" && other.toolCallId === toolCallId);
    return [{ toolCallId, hasResult }];
  });
}

import type { LanguageModelV4FinishReason, LanguageModelV4Usage, SharedV4ProviderMetadata } from "@ai-sdk/provider";
import {
  type AssistantPart,
  type Citation,
  type FinishReason,
  type JsonObject,
  type JsonValue,
  readExactJson,
  type Source,
  type Usage,
} from "@hsafa/protocol";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";
import type { CallWritten } from "../../core/input.ts";
import type { ModelOutcome } from "../../ports/model.ts";
import type { CharacterHalves } from "./character-halves.ts";
import { type Origin, withOrigin, withPauseMark } from "./dialects/origin.ts";

export type TextKind = "text" | "reasoning";
/** A part of the unfinished message. Its place in the list of drafts is its place in the message. */
export type Draft =
  | {
      kind: TextKind;
      partId: string;
      text: string;
      halves: CharacterHalves;
      metadata: SharedV4ProviderMetadata | undefined;
      open: boolean;
      citations: readonly DraftCitation[];
    }
  | { kind: "file"; data: string; mediaType: string; metadata: SharedV4ProviderMetadata | undefined }
  | {
      /** The provider executes it itself. */
      kind: "provider_call";
      callId: string;
      providerCallId: string;
      toolName: string;
      args: JsonValue;
      metadata: SharedV4ProviderMetadata | undefined;
    }
  | {
      kind: "provider_result";
      callId: string;
      providerCallId: string;
      toolName: string;
      value: JsonValue;
      isError: boolean;
      metadata: SharedV4ProviderMetadata | undefined;
    }
  | {
      kind: "tool_call";
      callId: string;
      providerCallId: string;
      toolName: string;
      input: string;
      halves: CharacterHalves;
      inputOpen: boolean;
      /** The call itself has come. Without it the input was cut short, and the call is not executed. */
      called: boolean;
      metadata: SharedV4ProviderMetadata | undefined;
    };
/** A citation of a text that may not be whole yet. */
export type DraftCitation = Omit<Citation, "text">;
export type TextDraft = Extract<Draft, { kind: TextKind }>;
export type CallDraft = Extract<Draft, { kind: "tool_call" }>;
export type FinishedStep = Extract<ModelOutcome, { kind: "finished" }>;

/**
 * Returns what a step added to the conversation, from its ordered drafts and from what the provider said at the end.
 */
export function finishedStep(
  drafts: readonly Draft[],
  end: {
    readonly usage: LanguageModelV4Usage;
    readonly finishReason: LanguageModelV4FinishReason;
    readonly sources: readonly Source[];
  },
  origin: Origin,
): FinishedStep {
  const called = drafts.filter((draft): draft is CallDraft => draft.kind === "tool_call");
  const calls = called.map((draft) => ({
    callId: draft.callId,
    toolName: draft.toolName,
    written: writtenOf(draft),
    ...parseArguments(draft.input),
  }));
  const content = drafts.flatMap((draft) => {
    if (draft.kind !== "tool_call") return contentPart(draft, origin);
    const call = calls.find((one) => one.callId === draft.callId);
    // The provider's id is useful later only if no other call of the step has it.
    const unique = called.filter((other) => other.providerCallId === draft.providerCallId).length === 1;
    return call === undefined ? [] : callPart(draft, call.args, origin, unique);
  });
  const { sources } = end;
  const citations = citationsOf(drafts, origin);
  const isPaused = end.finishReason.raw === PAUSED && calls.length === 0 && content.length > 0;
  const said = isPaused ? withPause(content, origin) : content;
  return {
    kind: "finished",
    finishReason: finishReasonOf(end.finishReason),
    messages: said.length === 0 ? [] : [{ role: "assistant", content: said }],
    calls,
    usage: usageOf(end.usage),
    ...(sources.length === 0 ? {} : { sources }),
    ...(citations.length === 0 ? {} : { citations }),
    ...(isPaused ? { paused: true } : {}),
  };
}

/** What the texts of the message cite. A span that is not within its text means nothing, and is left out. */
function citationsOf(drafts: readonly Draft[], origin: Origin): Citation[] {
  const texts = drafts.filter(
    (draft): draft is TextDraft => draft.kind === "text" && contentPart(draft, origin).length > 0,
  );
  return texts.flatMap(({ text: said, citations }, text) =>
    citations.map(({ start, end, ...citation }) => {
      const isSpan = start !== undefined && end !== undefined && isCount(start) && start < end && end <= said.length;
      return { ...citation, text, ...(isSpan ? { start, end } : {}) };
    }),
  );
}

/** How Anthropic ends a turn that it wants to go on with when it is asked again. */
const PAUSED = "pause_turn";

/** The last part says that the turn goes on, so that nothing is put behind it. */
function withPause(content: readonly AssistantPart[], origin: Origin): AssistantPart[] {
  return content.map((part, at) =>
    at === content.length - 1 ? { ...part, providerOptions: withPauseMark(part.providerOptions, origin) } : part,
  );
}

function writtenOf({ called, input }: CallDraft): CallWritten {
  if (!called) return "partly";
  return input.trim() === "" ? "nothing" : "whole";
}

/** Makes the message's part of a call. `isUnique`: no other call of the step has the provider's id. */
function callPart(draft: CallDraft, args: JsonValue, origin: Origin, isUnique: boolean): AssistantPart {
  const options = providerOptionsOf(draft.metadata);
  return {
    type: "tool-call",
    toolCallId: draft.callId,
    toolName: draft.toolName,
    // Providers take back only objects here; Anthropic refuses the next step otherwise. The call itself carries what
    // the model really said.
    input: isPlainObject(args) ? args : {},
    providerOptions: withOrigin(options, origin, isUnique ? draft.providerCallId : undefined),
  };
}

export interface ParsedArguments {
  readonly args: JsonValue;
  readonly fault: string | null;
}

/**
 * Reads arguments as JSON. No text means no arguments, and so does `null`. Some models write the JSON of an object into
 * a text once more. Arguments that could not be kept exactly are a fault: a tool must not act on another id than the
 * model named.
 */
export function parseArguments(text: string): ParsedArguments {
  if (text.trim() === "") return { args: {}, fault: null };
  const read = readExactJson(text, JSON_DEPTH_MAX);
  switch (read.kind) {
    case "json":
      if (typeof read.value === "string" && /^\s*\{/.test(read.value)) {
        const inner = parseArguments(read.value);
        if (inner.fault !== null || isPlainObject(inner.args)) return inner;
      }
      return { args: read.value ?? {}, fault: null };
    case "malformed":
      return { args: text.toWellFormed(), fault: "they are not valid JSON" };
    case "inexact": {
      const { path, message } = read;
      return { args: text.toWellFormed(), fault: `${path === "" ? "the value" : `'${path}'`} ${message}` };
    }
    default:
      return read satisfies never;
  }
}

function isPlainObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function contentPart(draft: Exclude<Draft, CallDraft>, origin: Origin): AssistantPart[] {
  const options = providerOptionsOf(draft.metadata);
  if (draft.kind === "provider_call" || draft.kind === "provider_result") {
    const { callId: toolCallId, toolName } = draft;
    const about = { toolCallId, toolName, providerOptions: withOrigin(options, origin, draft.providerCallId) };
    if (draft.kind === "provider_result") {
      const output = { type: draft.isError ? ("error-json" as const) : ("json" as const), value: draft.value };
      return [{ type: "tool-result", output, ...about }];
    }
    const input = isPlainObject(draft.args) ? draft.args : {};
    return [{ type: "tool-call", input, providerExecuted: true, ...about }];
  }
  if (draft.kind === "file") {
    const providerOptions = withOrigin(options, origin);
    return [{ type: "file", data: draft.data, mediaType: draft.mediaType, providerOptions }];
  }
  const providerOptions = options === undefined ? {} : { providerOptions: withOrigin(options, origin) };
  // Empty reasoning with metadata is kept: the metadata may be encrypted reasoning that the provider wants back.
  return draft.text === "" && options === undefined ? [] : [{ type: draft.kind, text: draft.text, ...providerOptions }];
}

/**
 * Metadata of this step goes back to the provider as options of the next one. It becomes JSON, as messages are stored.
 */
function providerOptionsOf(metadata: SharedV4ProviderMetadata | undefined): Record<string, JsonObject> | undefined {
  return metadata === undefined ? undefined : (JSON.parse(JSON.stringify(metadata)) as Record<string, JsonObject>);
}

function finishReasonOf({ unified }: LanguageModelV4FinishReason): FinishReason {
  return unified === "interrupted" ? "other" : unified;
}

function usageOf({ inputTokens, outputTokens }: LanguageModelV4Usage): Usage {
  const counts = {
    inputTokens: inputTokens.total,
    outputTokens: outputTokens.total,
    totalTokens:
      inputTokens.total === undefined || outputTokens.total === undefined
        ? undefined
        : inputTokens.total + outputTokens.total,
    reasoningTokens: outputTokens.reasoning,
    cachedInputTokens: inputTokens.cacheRead,
  };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => isCount(count)));
}

/** A server may say anything. What is no count would make the run's sum meaningless, or `null`. */
function isCount(count: number | undefined): boolean {
  return Number.isSafeInteger(count) && count !== undefined && count >= 0;
}

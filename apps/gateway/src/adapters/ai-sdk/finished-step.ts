import type { LanguageModelV4FinishReason, LanguageModelV4Usage, SharedV4ProviderMetadata } from "@ai-sdk/provider";
import {
  type AssistantPart,
  type FinishReason,
  isDeeperThan,
  type JsonObject,
  type JsonValue,
  type Usage,
} from "@hsafa/protocol";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";
import type { ModelOutcome } from "../../ports/model.ts";
import { rememberProviderCallId } from "./provider-call-id.ts";

export type TextKind = "text" | "reasoning";
/** A part of the message in the making; its place in the list is its place in the message. */
export type Draft =
  | { kind: TextKind; partId: string; text: string; metadata: SharedV4ProviderMetadata | undefined; open: boolean }
  | { kind: "file"; data: string; mediaType: string; metadata: SharedV4ProviderMetadata | undefined }
  | {
      kind: "tool_call";
      callId: string;
      providerCallId: string;
      toolName: string;
      input: string;
      inputOpen: boolean;
      /** The call itself has come; without it the input was cut short and there is nothing to execute. */
      called: boolean;
      metadata: SharedV4ProviderMetadata | undefined;
    };
export type TextDraft = Extract<Draft, { kind: TextKind }>;
export type CallDraft = Extract<Draft, { kind: "tool_call" }>;
export type FinishedStep = Extract<ModelOutcome, { kind: "finished" }>;

/** What a step added to the conversation, from its drafts in their order and what the provider said at the end. */
export function finishedStep(
  drafts: readonly Draft[],
  end: { readonly usage: LanguageModelV4Usage; readonly finishReason: LanguageModelV4FinishReason },
  provider: string,
): FinishedStep {
  const called = drafts.filter((draft): draft is CallDraft => draft.kind === "tool_call" && draft.called);
  const calls = called.map((draft) => ({
    callId: draft.callId,
    toolName: draft.toolName,
    ...parseArguments(draft.input),
  }));
  const content = drafts.flatMap((draft) => {
    if (draft.kind !== "tool_call") return contentPart(draft);
    const call = calls.find((one) => one.callId === draft.callId);
    // The provider's id is of use later only if it tells the step's calls apart.
    const unique = called.filter((other) => other.providerCallId === draft.providerCallId).length === 1;
    return call === undefined ? [] : callPart(draft, call.args, unique ? provider : null);
  });
  return {
    kind: "finished",
    finishReason: finishReasonOf(end.finishReason),
    messages: content.length === 0 ? [] : [{ role: "assistant", content }],
    calls,
    usage: usageOf(end.usage),
  };
}

/** `provider`: whose call id is worth remembering, or null. */
function callPart(draft: CallDraft, args: JsonValue, provider: string | null): AssistantPart {
  const options = providerOptionsOf(draft.metadata);
  const providerOptions = provider === null ? options : rememberProviderCallId(options, provider, draft.providerCallId);
  return {
    type: "tool-call",
    toolCallId: draft.callId,
    toolName: draft.toolName,
    // Providers take only objects back here (Anthropic refuses the next step otherwise); the call itself carries what
    // was really said.
    input: isPlainObject(args) ? args : {},
    ...(providerOptions === undefined ? {} : { providerOptions }),
  };
}

interface ParsedArguments {
  readonly args: JsonValue;
  readonly unparsable: boolean;
}

/**
 * Arguments as JSON. Nothing at all means no arguments; deep nesting counts as unparsable, because it cannot be written
 * down again.
 */
function parseArguments(text: string): ParsedArguments {
  if (text.trim() === "") return { args: {}, unparsable: false };
  try {
    const args = JSON.parse(text) as JsonValue;
    return isDeeperThan(args, JSON_DEPTH_MAX) ? { args: text, unparsable: true } : { args, unparsable: false };
  } catch {
    return { args: text, unparsable: true };
  }
}

function isPlainObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function contentPart(draft: Exclude<Draft, CallDraft>): AssistantPart[] {
  const options = providerOptionsOf(draft.metadata);
  const providerOptions = options === undefined ? {} : { providerOptions: options };
  if (draft.kind === "file") {
    return [{ type: "file", data: draft.data, mediaType: draft.mediaType, ...providerOptions }];
  }
  // Empty reasoning with metadata is kept: it may stand for encrypted reasoning that the provider wants back.
  return draft.text === "" && options === undefined ? [] : [{ type: draft.kind, text: draft.text, ...providerOptions }];
}

/**
 * Metadata of this step is what the provider wants to see again as options of the next. Through JSON, as messages are
 * stored.
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
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== undefined));
}

import type {
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4ToolCall,
  LanguageModelV4Usage,
  SharedV4ProviderMetadata,
} from "@ai-sdk/provider";
import type { AssistantPart, FinishReason, JsonObject, JsonValue, Usage } from "@hsafa/protocol";
import { JSON_DEPTH_MAX, STEP_CHARACTERS_MAX, TOOL_CALLS_PER_STEP_MAX } from "../../core/limits.ts";
import type { ModelOutcome, ModelPart } from "../../ports/model.ts";
import { StepTooLargeError } from "./failure.ts";
import { rememberProviderCallId } from "./provider-call-id.ts";

/** What ended the stream, or null while it goes on. `interrupted`: the provider's adapter saw the stream end without its closing mark. */
export type StreamEnd =
  | Extract<ModelOutcome, { kind: "finished" }>
  | { readonly kind: "interrupted" }
  | { readonly kind: "error"; readonly error: unknown }
  | null;

type TextKind = "text" | "reasoning";
/** A part of the message in the making; its place in the list is its place in the message. */
type Draft =
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
type TextDraft = Extract<Draft, { kind: TextKind }>;
type CallDraft = Extract<Draft, { kind: "tool_call" }>;

/**
 * Folds a provider's stream parts into the port's parts and, at the end, into the message that the step added. Providers reuse part ids within a
 * stream and some send calls without their fragments; what leaves here always has ids of its own and start, deltas and end in order.
 */
export class StepRecorder {
  readonly #provider: string;
  readonly #newId: () => string;
  readonly #onPart: (part: ModelPart) => void;
  readonly #drafts: Draft[] = [];
  readonly #openTexts = new Map<string, TextDraft>();
  readonly #openCalls = new Map<string, CallDraft>();
  /** Calls that the provider executes itself: nobody here has anything to do with them. */
  readonly #providerExecuted = new Set<string>();
  #calls = 0;
  #characters = 0;

  constructor(params: {
    readonly provider: string;
    readonly newId: () => string;
    readonly onPart: (part: ModelPart) => void;
  }) {
    this.#provider = params.provider;
    this.#newId = params.newId;
    this.#onPart = params.onPart;
  }

  /** Takes the next part of the stream. Throws `StepTooLargeError` past the bounds of a step (R9). */
  accept(part: LanguageModelV4StreamPart): StreamEnd {
    switch (part.type) {
      case "text-start":
      case "reasoning-start":
        this.#startText(kindOf(part.type), part.id, part.providerMetadata);
        return null;
      case "text-delta":
      case "reasoning-delta":
        this.#addText(kindOf(part.type), part.id, part.delta, part.providerMetadata);
        return null;
      case "text-end":
      case "reasoning-end":
        this.#endText(kindOf(part.type), part.id, part.providerMetadata);
        return null;
      case "tool-input-start":
        if (part.providerExecuted === true) this.#providerExecuted.add(part.id);
        else this.#startCall(part.id, part.toolName, part.providerMetadata);
        return null;
      case "tool-input-delta":
        this.#addInput(part.id, part.delta);
        return null;
      case "tool-input-end":
        this.#endInput(this.#openCalls.get(part.id));
        return null;
      case "tool-call":
        if (part.providerExecuted !== true) this.#finishCall(part);
        return null;
      case "file": {
        const data = part.data.type === "url" ? part.data.url.toString() : base64Of(part.data.data);
        this.#count(data.length);
        this.#drafts.push({ kind: "file", data, mediaType: part.mediaType, metadata: part.providerMetadata });
        return null;
      }
      case "finish":
        return part.finishReason.unified === "interrupted" ? { kind: "interrupted" } : this.#finish(part);
      case "error":
        return { kind: "error", error: part.error };
      default:
        // Sources, pings, warnings, response metadata and whatever a later SDK adds say nothing that a run records.
        return null;
    }
  }

  #startText(kind: TextKind, id: string, metadata: SharedV4ProviderMetadata | undefined): TextDraft {
    this.#endText(kind, id, undefined);
    const draft: TextDraft = { kind, partId: `p${this.#drafts.length}`, text: "", metadata, open: true };
    this.#drafts.push(draft);
    this.#openTexts.set(`${kind}:${id}`, draft);
    this.#onPart({ kind, at: "start", partId: draft.partId });
    return draft;
  }

  #addText(kind: TextKind, id: string, text: string, metadata: SharedV4ProviderMetadata | undefined): void {
    const draft = this.#openTexts.get(`${kind}:${id}`) ?? this.#startText(kind, id, metadata);
    // The latest metadata holds: signatures and encrypted reasoning come with the last fragment or the end.
    if (metadata !== undefined) draft.metadata = metadata;
    if (text === "") return;
    this.#count(text.length);
    draft.text += text;
    this.#onPart({ kind, at: "delta", partId: draft.partId, text });
  }

  #endText(kind: TextKind, id: string, metadata: SharedV4ProviderMetadata | undefined): void {
    const draft = this.#openTexts.get(`${kind}:${id}`);
    if (draft === undefined) return;
    if (metadata !== undefined) draft.metadata = metadata;
    this.#openTexts.delete(`${kind}:${id}`);
    draft.open = false;
    this.#onPart({ kind, at: "end", partId: draft.partId });
  }

  #startCall(providerCallId: string, toolName: string, metadata: SharedV4ProviderMetadata | undefined): CallDraft {
    this.#calls += 1;
    if (this.#calls > TOOL_CALLS_PER_STEP_MAX) {
      throw new StepTooLargeError(`The model asked for more than ${TOOL_CALLS_PER_STEP_MAX} tool calls in one step.`);
    }
    this.#count(toolName.length);
    const callId = this.#newId();
    const draft: CallDraft = {
      kind: "tool_call",
      callId,
      providerCallId,
      toolName,
      input: "",
      inputOpen: true,
      called: false,
      metadata,
    };
    this.#drafts.push(draft);
    this.#openCalls.set(providerCallId, draft);
    this.#onPart({ kind: "tool_input", at: "start", callId, toolName });
    return draft;
  }

  #addInput(providerCallId: string, text: string): void {
    const draft = this.#openCalls.get(providerCallId);
    if (draft === undefined || text === "" || !draft.inputOpen) return;
    this.#count(text.length);
    draft.input += text;
    this.#onPart({ kind: "tool_input", at: "delta", callId: draft.callId, toolName: draft.toolName, text });
  }

  #endInput(draft: CallDraft | undefined): void {
    if (draft === undefined || !draft.inputOpen) return;
    draft.inputOpen = false;
    this.#onPart({ kind: "tool_input", at: "end", callId: draft.callId, toolName: draft.toolName });
  }

  #finishCall(part: LanguageModelV4ToolCall): void {
    if (this.#providerExecuted.has(part.toolCallId)) return;
    const draft =
      this.#openCalls.get(part.toolCallId) ?? this.#startCall(part.toolCallId, part.toolName, part.providerMetadata);
    // Some providers announce a call and then send its arguments only whole.
    if (draft.input === "") this.#addInput(part.toolCallId, part.input);
    this.#endInput(draft);
    // The whole call is authoritative; its fragments were for watchers.
    if (part.input !== draft.input) this.#count(part.input.length);
    draft.input = part.input;
    draft.called = true;
    if (part.providerMetadata !== undefined) draft.metadata = part.providerMetadata;
    // A second call under the same id, as careless servers send, is another call.
    this.#openCalls.delete(part.toolCallId);
  }

  #finish(part: {
    readonly usage: LanguageModelV4Usage;
    readonly finishReason: LanguageModelV4FinishReason;
  }): StreamEnd {
    for (const draft of this.#drafts) {
      if (draft.kind === "tool_call") this.#endInput(draft);
      else if (draft.kind !== "file" && draft.open) this.#onPart({ kind: draft.kind, at: "end", partId: draft.partId });
    }
    const called = this.#drafts.filter((draft) => draft.kind === "tool_call" && draft.called) as CallDraft[];
    const arguments_ = new Map(called.map((draft) => [draft, parseArguments(draft.input)]));
    const content = this.#drafts.flatMap((draft) => {
      const made =
        draft.kind === "tool_call" ? this.#callPart(draft, called, arguments_.get(draft)) : contentPart(draft);
      return made === null ? [] : [made];
    });
    return {
      kind: "finished",
      finishReason: finishReasonOf(part.finishReason),
      messages: content.length === 0 ? [] : [{ role: "assistant", content }],
      calls: called.map((draft) => ({
        callId: draft.callId,
        toolName: draft.toolName,
        ...(arguments_.get(draft) ?? parseArguments(draft.input)),
      })),
      usage: usageOf(part.usage),
    };
  }

  #callPart(draft: CallDraft, called: readonly CallDraft[], parsed: ParsedArguments | undefined): AssistantPart | null {
    if (parsed === undefined) return null;
    // The provider's id is of use later only if it tells the step's calls apart.
    const unique = called.filter((other) => other.providerCallId === draft.providerCallId).length === 1;
    const options = providerOptionsOf(draft.metadata);
    return {
      type: "tool-call",
      toolCallId: draft.callId,
      toolName: draft.toolName,
      // Providers take only objects back here (Anthropic refuses the next step otherwise); the call itself carries what was really said.
      input: isPlainObject(parsed.args) ? parsed.args : {},
      ...(unique
        ? { providerOptions: rememberProviderCallId(options, this.#provider, draft.providerCallId) }
        : options === undefined
          ? {}
          : { providerOptions: options }),
    };
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters > STEP_CHARACTERS_MAX) {
      throw new StepTooLargeError(`The model said more than ${STEP_CHARACTERS_MAX} characters in one step.`);
    }
  }
}

interface ParsedArguments {
  readonly args: JsonValue;
  readonly unparsable: boolean;
}

/** Arguments as JSON. Nothing at all means no arguments; deep nesting counts as unparsable, because it cannot be written down again. */
function parseArguments(text: string): ParsedArguments {
  if (text.trim() === "") return { args: {}, unparsable: false };
  try {
    const args = JSON.parse(text) as JsonValue;
    return isDeeperThan(args, JSON_DEPTH_MAX) ? { args: text, unparsable: true } : { args, unparsable: false };
  } catch {
    return { args: text, unparsable: true };
  }
}

function isDeeperThan(value: JsonValue, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeperThan(child, levels - 1));
}

function isPlainObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function contentPart(draft: Exclude<Draft, CallDraft>): AssistantPart | null {
  const options = providerOptionsOf(draft.metadata);
  const providerOptions = options === undefined ? {} : { providerOptions: options };
  if (draft.kind === "file") {
    return { type: "file", data: draft.data, mediaType: draft.mediaType, ...providerOptions };
  }
  // Empty reasoning with metadata is kept: it may stand for encrypted reasoning that the provider wants back.
  return draft.text === "" && options === undefined ? null : { type: draft.kind, text: draft.text, ...providerOptions };
}

/** Metadata of this step is what the provider wants to see again as options of the next. Through JSON, as messages are stored. */
function providerOptionsOf(metadata: SharedV4ProviderMetadata | undefined): Record<string, JsonObject> | undefined {
  return metadata === undefined ? undefined : (JSON.parse(JSON.stringify(metadata)) as Record<string, JsonObject>);
}

function base64Of(data: string | Uint8Array): string {
  return typeof data === "string"
    ? data
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}

function kindOf(type: `${TextKind}-${string}`): TextKind {
  return type.startsWith("text") ? "text" : "reasoning";
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

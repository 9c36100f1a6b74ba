import type {
  LanguageModelV4Citation,
  LanguageModelV4Source,
  LanguageModelV4StreamPart,
  LanguageModelV4ToolCall,
  LanguageModelV4ToolResult,
  SharedV4ProviderMetadata,
} from "@ai-sdk/provider";
import { CharacterHalves } from "./character-halves.ts";
import { STEP_CHARACTERS_MAX, STEP_CITATIONS_MAX, STEP_PARTS_MAX } from "./limits.ts";
import { TOOL_CALLS_PER_STEP_MAX } from "../../core/limits.ts";
import type { ModelPart } from "../../ports/model.ts";
import type { Origin } from "./dialects/origin.ts";
import { exactResult } from "./exact-result.ts";
import { FoundSources } from "./found-sources.ts";
import { asWritten } from "./wire/inexact-number.ts";
import {
  type CallDraft,
  type Draft,
  type FinishedStep,
  finishedStep,
  parseArguments,
  type TextDraft,
  type TextKind,
} from "./finished-step.ts";

/** A step that passed a bound of ours (R9). */
export class StepTooLargeError extends Error {
  override readonly name = "StepTooLargeError";
}

/**
 * What ended the stream, or null while it goes on. `interrupted`: the SDK's provider saw the stream end without its
 * closing mark.
 */
export type StreamEnd =
  | FinishedStep
  | { readonly kind: "interrupted" }
  | { readonly kind: "error"; readonly error: unknown }
  | null;

/**
 * Folds a provider's stream parts into the port's parts and, at the end, into the message that the step added.
 *
 * Some providers use a part id twice in a stream, and some send calls without their fragments. What leaves here has ids
 * of its own, and each part has its start, deltas and end in order. No text that leaves here holds half a character.
 */
export class StepRecorder {
  readonly #origin: Origin;
  readonly #newId: () => string;
  readonly #onPart: (part: ModelPart) => void;
  readonly #drafts: Draft[] = [];
  readonly #openTexts = new Map<string, TextDraft>();
  readonly #openCalls = new Map<string, CallDraft>();
  /** Calls that the provider executes itself: by its id, hsafa's own. */
  readonly #providerCalls = new Map<string, string>();
  readonly #sources = new FoundSources();
  #citations = 0;
  #calls = 0;
  #characters = 0;

  constructor(params: {
    readonly origin: Origin;
    readonly newId: () => string;
    readonly onPart: (part: ModelPart) => void;
  }) {
    this.#origin = params.origin;
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
        if (part.type === "text-end") this.#cite(part.id, part.citations ?? []);
        this.#endText(kindOf(part.type), part.id, part.providerMetadata);
        return null;
      case "tool-input-start":
        // The arguments of what the provider executes itself come once more, whole.
        if (part.providerExecuted === true) this.#providerCallId(part.id);
        else this.#startCall(part.id, part.toolName, part.providerMetadata);
        return null;
      case "tool-input-delta":
        this.#addInput(part.id, asWritten(part.delta));
        return null;
      case "tool-input-end":
        this.#endInput(this.#openCalls.get(part.id));
        return null;
      case "tool-call":
        if (part.providerExecuted === true) this.#addProviderCall(part);
        else this.#finishCall({ ...part, input: asWritten(part.input) });
        return null;
      case "tool-result":
        this.#addProviderResult(part);
        return null;
      case "source":
        this.#addSource(part);
        return null;
      case "file": {
        const data = part.data.type === "url" ? part.data.url.toString() : base64Of(part.data.data);
        this.#count(data.length);
        this.#addDraft({ kind: "file", data, mediaType: part.mediaType, metadata: part.providerMetadata });
        return null;
      }
      case "finish":
        return part.finishReason.unified === "interrupted" ? { kind: "interrupted" } : this.#finish(part);
      case "error":
        return { kind: "error", error: part.error };
      default:
        // A run records no pings, warnings or response metadata, and nothing that a later SDK adds.
        return null;
    }
  }

  #startText(kind: TextKind, id: string, metadata: SharedV4ProviderMetadata | undefined): TextDraft {
    this.#endText(kind, id, undefined);
    const partId = `p${this.#drafts.length}`;
    const draft: TextDraft = {
      kind,
      partId,
      text: "",
      halves: new CharacterHalves(),
      metadata,
      open: true,
      citations: [],
    };
    this.#addDraft(draft);
    this.#openTexts.set(`${kind}:${id}`, draft);
    this.#onPart({ kind, at: "start", partId: draft.partId });
    return draft;
  }

  #addText(kind: TextKind, id: string, text: string, metadata: SharedV4ProviderMetadata | undefined): void {
    const draft = this.#openTexts.get(`${kind}:${id}`) ?? this.#startText(kind, id, metadata);
    // The latest metadata counts: signatures and encrypted reasoning come with the last fragment or with the end.
    if (metadata !== undefined) draft.metadata = metadata;
    this.#appendText(draft, draft.halves.add(text));
  }

  #appendText(draft: TextDraft, text: string): void {
    if (text === "") return;
    this.#count(text.length);
    draft.text += text;
    this.#onPart({ kind: draft.kind, at: "delta", partId: draft.partId, text });
  }

  #endText(kind: TextKind, id: string, metadata: SharedV4ProviderMetadata | undefined): void {
    const draft = this.#openTexts.get(`${kind}:${id}`);
    if (draft === undefined) return;
    if (metadata !== undefined) draft.metadata = metadata;
    this.#openTexts.delete(`${kind}:${id}`);
    this.#closeText(draft);
  }

  #closeText(draft: TextDraft): void {
    this.#appendText(draft, draft.halves.end());
    draft.open = false;
    this.#onPart({ kind: draft.kind, at: "end", partId: draft.partId });
  }

  #startCall(providerCallId: string, toolName: string, metadata: SharedV4ProviderMetadata | undefined): CallDraft {
    this.#calls += 1;
    if (this.#calls > TOOL_CALLS_PER_STEP_MAX) {
      throw new StepTooLargeError(`The model asked for more than ${TOOL_CALLS_PER_STEP_MAX} tool calls in one step.`);
    }
    this.#count(toolName.length);
    toolName = toolName.toWellFormed();
    const callId = this.#newId();
    const draft: CallDraft = {
      kind: "tool_call",
      callId,
      providerCallId,
      toolName,
      input: "",
      halves: new CharacterHalves(),
      inputOpen: true,
      called: false,
      metadata,
    };
    this.#addDraft(draft);
    this.#openCalls.set(providerCallId, draft);
    this.#onPart({ kind: "tool_input", at: "start", callId, toolName });
    return draft;
  }

  #addInput(providerCallId: string, text: string): void {
    const draft = this.#openCalls.get(providerCallId);
    if (draft === undefined || !draft.inputOpen) return;
    this.#appendInput(draft, draft.halves.add(text));
  }

  #appendInput(draft: CallDraft, text: string): void {
    if (text === "") return;
    this.#count(text.length);
    draft.input += text;
    this.#onPart({ kind: "tool_input", at: "delta", callId: draft.callId, toolName: draft.toolName, text });
  }

  #endInput(draft: CallDraft | undefined): void {
    if (draft === undefined || !draft.inputOpen) return;
    this.#appendInput(draft, draft.halves.end());
    draft.inputOpen = false;
    this.#onPart({ kind: "tool_input", at: "end", callId: draft.callId, toolName: draft.toolName });
  }

  #finishCall(part: LanguageModelV4ToolCall): void {
    if (this.#providerCalls.has(part.toolCallId)) return;
    const draft =
      this.#openCalls.get(part.toolCallId) ?? this.#startCall(part.toolCallId, part.toolName, part.providerMetadata);
    // Some providers announce a call and then send its arguments in one piece.
    if (draft.input === "") this.#addInput(part.toolCallId, part.input);
    this.#endInput(draft);
    // The whole call counts; its fragments were for watchers.
    if (part.input !== draft.input) this.#count(part.input.length);
    draft.input = part.input;
    draft.called = true;
    if (part.providerMetadata !== undefined) draft.metadata = part.providerMetadata;
    // Careless servers send two calls under one id. The second is another call.
    this.#openCalls.delete(part.toolCallId);
  }

  #providerCallId(providerCallId: string): string {
    const known = this.#providerCalls.get(providerCallId);
    if (known !== undefined) return known;
    if (this.#providerCalls.size >= STEP_PARTS_MAX) {
      throw new StepTooLargeError(`The provider began more than ${STEP_PARTS_MAX} calls in one step.`);
    }
    const callId = this.#newId();
    this.#providerCalls.set(providerCallId, callId);
    return callId;
  }

  #addProviderCall(part: LanguageModelV4ToolCall): void {
    const input = asWritten(part.input);
    const toolName = part.toolName.toWellFormed();
    this.#count(toolName.length + input.length);
    const callId = this.#providerCallId(part.toolCallId);
    const { args } = parseArguments(input);
    const { toolCallId: providerCallId, providerMetadata: metadata } = part;
    this.#addDraft({ kind: "provider_call", callId, providerCallId, toolName, args, metadata });
    this.#onPart({ kind: "provider", at: "called", callId, toolName, args });
  }

  /** A preliminary result is followed by another one, which counts. */
  #addProviderResult(part: LanguageModelV4ToolResult): void {
    if (part.preliminary === true) return;
    const toolName = part.toolName.toWellFormed();
    const { value, characters, isKept } = exactResult(part.result);
    this.#count(toolName.length + characters);
    const callId = this.#providerCallId(part.toolCallId);
    const isError = part.isError === true || !isKept;
    const { toolCallId: providerCallId, providerMetadata: metadata } = part;
    this.#addDraft({ kind: "provider_result", callId, providerCallId, toolName, value, isError, metadata });
    this.#onPart({ kind: "provider", at: "answered", callId, toolName, isError });
  }

  #addSource(part: LanguageModelV4Source): void {
    const found = this.#sources.add(part);
    if (found === null) return;
    this.#count(JSON.stringify(found).length);
    if (this.#sources.count > STEP_PARTS_MAX) {
      throw new StepTooLargeError(`The model named more than ${STEP_PARTS_MAX} sources in one step.`);
    }
    this.#onPart({ kind: "source", at: "found", source: found });
  }

  /** Some providers name their sources only where they cite them. */
  #cite(id: string, cited: readonly LanguageModelV4Citation[]): void {
    for (const { source } of cited) this.#addSource(source);
    const draft = this.#openTexts.get(`text:${id}`);
    if (draft === undefined || cited.length === 0) return;
    this.#citations += cited.length;
    if (this.#citations > STEP_CITATIONS_MAX) {
      throw new StepTooLargeError(`The model cited more than ${STEP_CITATIONS_MAX} times in one step.`);
    }
    draft.citations = cited.map(({ source, startIndex: start, endIndex: end, citedText }) => ({
      source: this.#sources.placeOf(source),
      ...(start === undefined || end === undefined ? {} : { start, end }),
      ...(citedText === undefined ? {} : { quote: citedText.toWellFormed() }),
    }));
    this.#count(JSON.stringify(draft.citations).length);
  }

  #finish(part: Extract<LanguageModelV4StreamPart, { type: "finish" }>): StreamEnd {
    for (const draft of this.#drafts) {
      if (draft.kind === "tool_call") this.#endInput(draft);
      else if ("open" in draft && draft.open) this.#closeText(draft);
    }
    return finishedStep(this.#drafts, { ...part, sources: this.#sources.all }, this.#origin);
  }

  #addDraft(draft: Draft): void {
    if (this.#drafts.length >= STEP_PARTS_MAX) {
      throw new StepTooLargeError(`The model began more than ${STEP_PARTS_MAX} parts in one step.`);
    }
    this.#drafts.push(draft);
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters > STEP_CHARACTERS_MAX) {
      throw new StepTooLargeError(`The model said more than ${STEP_CHARACTERS_MAX} characters in one step.`);
    }
  }
}

function base64Of(data: string | Uint8Array): string {
  return typeof data === "string"
    ? data
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}

function kindOf(type: `${TextKind}-${string}`): TextKind {
  return type.startsWith("text") ? "text" : "reasoning";
}

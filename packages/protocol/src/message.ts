/**
 * Messages are the model messages of the AI SDK (`ai/docs`, "ModelMessage"), restricted to what survives JSON: binary
 * data is a base64 string or a URL.
 *
 * They are type aliases because an interface is not assignable to `JsonValue`.
 */
import type { JsonObject, JsonValue } from "./json.ts";

/** Settings for one provider, by the provider's name. They pass through unchanged. */
export type ProviderOptions = Record<string, JsonObject>;

/** A piece of text. */
export type TextPart = {
  readonly type: "text";
  readonly text: string;
  readonly providerOptions?: ProviderOptions;
};

/** A piece of the model's reasoning. */
export type ReasoningPart = {
  readonly type: "reasoning";
  readonly text: string;
  readonly providerOptions?: ProviderOptions;
};

/** A file within the message. The gateway stores Base64, and the run's record has a `StoredFilePart` for it. */
export type InlineFilePart = {
  readonly type: "file";
  /** Base64, or a URL. A URL goes to the provider of the model, which may read it or not. */
  readonly data: string;
  /** The IANA media type, such as `application/pdf`. */
  readonly mediaType: string;
  readonly filename?: string;
  readonly providerOptions?: ProviderOptions;
};

/** A file that was uploaded, or that the gateway has stored for a message. */
export type StoredFilePart = {
  readonly type: "file";
  /** The `id` of the file. */
  readonly fileId: string;
  /** The gateway sets it: what the file's bytes are. */
  readonly mediaType?: string;
  readonly filename?: string;
  /** The gateway sets it: the file's bytes. */
  readonly size?: number;
  readonly providerOptions?: ProviderOptions;
};

/** A file elsewhere. The gateway reads and stores it when it takes the message. */
export type LinkedFilePart = {
  readonly type: "file";
  /** An address that begins with `https://` or `http://`. */
  readonly url: string;
  /** If it is left out, that of the response counts. */
  readonly mediaType?: string;
  readonly filename?: string;
  readonly providerOptions?: ProviderOptions;
};

/** A file of a message: stored, elsewhere, or within it. */
export type FilePart = InlineFilePart | StoredFilePart | LinkedFilePart;

/** A picture. What holds for `data` of an `InlineFilePart` holds for `image`. */
export type ImagePart = {
  readonly type: "image";
  /** Base64, or a URL. */
  readonly image: string;
  /** The IANA media type, such as `image/png`; the provider guesses if it is left out. */
  readonly mediaType?: string;
  readonly providerOptions?: ProviderOptions;
};

/** A tool call of the model. `providerExecuted`: its provider executes it, and nobody else is asked. */
export type ToolCallPart = {
  readonly type: "tool-call";
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: JsonValue;
  readonly providerExecuted?: true;
  readonly providerOptions?: ProviderOptions;
};

/** The result of a call that the provider has executed itself, as it gave it. */
export type ProviderResultPart = {
  readonly type: "tool-result";
  readonly toolCallId: string;
  readonly toolName: string;
  readonly output: { readonly type: "json" | "error-json"; readonly value: JsonValue };
  readonly providerOptions?: ProviderOptions;
};

/** What a person says, or a program on their behalf. A list of parts has at least one. */
export type UserMessage = {
  readonly role: "user";
  readonly content: string | (TextPart | ImagePart | FilePart)[];
};

/**
 * What an assistant said earlier, given back by a client. It has no tool calls: those of earlier runs come from the
 * thread. A list of parts has at least one.
 */
export type EarlierAssistantMessage = {
  readonly role: "assistant";
  readonly content: string | (TextPart | ReasoningPart | FilePart)[];
};

/** A message that a client may put into `input`: earlier turns, then what the user says now. */
export type InputMessage = UserMessage | EarlierAssistantMessage;

/** A part of what the model said in one step. Fields that the AI SDK adds are kept. */
export type AssistantPart = TextPart | ReasoningPart | FilePart | ToolCallPart | ProviderResultPart;

/** What the model said in one step. */
export type AssistantMessage = {
  readonly role: "assistant";
  readonly content: string | AssistantPart[];
};

/** A settled tool call as the model reads it, in the AI SDK's form. */
export type ToolResultOutput =
  | { readonly type: "json"; readonly value: JsonValue }
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "error-text"; readonly value: string };

/** A settled tool call within a `ToolMessage`. */
export type ToolResultPart = {
  readonly type: "tool-result";
  readonly toolCallId: string;
  readonly toolName: string;
  readonly output: ToolResultOutput;
};

/** The settled tool calls of one step, as the model reads them. */
export type ToolMessage = {
  readonly role: "tool";
  readonly content: ToolResultPart[];
};

/** Any message of a conversation, as the model reads it. */
export type Message = UserMessage | AssistantMessage | ToolMessage;

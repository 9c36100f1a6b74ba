import { z } from "zod";
import { type JsonObject, type JsonValue, jsonObjectSchema } from "./json.ts";

/**
 * Messages are the model messages of the AI SDK (`ai/docs`, "ModelMessage"), restricted to what survives JSON: binary
 * data is a base64 string or a URL.
 */

const providerOptionsSchema = z.record(z.string(), jsonObjectSchema).optional();

const textPartSchema = z.strictObject({
  type: z.literal("text"),
  text: z.string(),
  providerOptions: providerOptionsSchema,
});
const reasoningPartSchema = z.strictObject({
  type: z.literal("reasoning"),
  text: z.string(),
  providerOptions: providerOptionsSchema,
});
const filePartSchema = z.strictObject({
  type: z.literal("file"),
  data: z.string(),
  mediaType: z.string(),
  filename: z.string().optional(),
  providerOptions: providerOptionsSchema,
});
const imagePartSchema = z.strictObject({
  type: z.literal("image"),
  image: z.string(),
  mediaType: z.string().optional(),
  providerOptions: providerOptionsSchema,
});

/** What a person (or a program on their behalf) says. */
export const userMessageSchema = z.strictObject({
  role: z.literal("user"),
  content: z.union([
    z.string(),
    z.array(z.discriminatedUnion("type", [textPartSchema, imagePartSchema, filePartSchema])).min(1),
  ]),
});

/** What an assistant said earlier, given back by a client; tool calls of earlier runs come from the thread instead. */
export const earlierAssistantMessageSchema = z.strictObject({
  role: z.literal("assistant"),
  content: z.union([
    z.string(),
    z.array(z.discriminatedUnion("type", [textPartSchema, reasoningPartSchema, filePartSchema])).min(1),
  ]),
});

/** A message a client may put into `input`: earlier turns, then what it says now. */
export const inputMessageSchema = z.discriminatedUnion("role", [userMessageSchema, earlierAssistantMessageSchema]);

export type UserMessage = z.infer<typeof userMessageSchema>;
export type InputMessage = z.infer<typeof inputMessageSchema>;

/** A part of what the model said in one step. Fields the AI SDK adds are kept as they come. */
export type AssistantPart =
  | { type: "text"; text: string; providerOptions?: Record<string, JsonObject> }
  | { type: "reasoning"; text: string; providerOptions?: Record<string, JsonObject> }
  | { type: "file"; data: string; mediaType: string; filename?: string; providerOptions?: Record<string, JsonObject> }
  | {
      type: "tool-call";
      toolCallId: string;
      toolName: string;
      input: JsonValue;
      providerOptions?: Record<string, JsonObject>;
    };

export type AssistantMessage = { role: "assistant"; content: string | AssistantPart[] };

/** How a settled tool call is told to the model, as the AI SDK names it. */
export type ToolResultOutput =
  | { type: "json"; value: JsonValue }
  | { type: "text"; value: string }
  | { type: "error-text"; value: string };

export type ToolMessage = {
  role: "tool";
  content: { type: "tool-result"; toolCallId: string; toolName: string; output: ToolResultOutput }[];
};

/** Any message of a conversation, as the model is given it. */
export type Message = UserMessage | AssistantMessage | ToolMessage;

import { z } from "zod";
import { jsonObjectSchema } from "./json.ts";

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

/** What a person says, or a program on their behalf. */
export const userMessageSchema = z.strictObject({
  role: z.literal("user"),
  content: z.union([
    z.string(),
    z.array(z.discriminatedUnion("type", [textPartSchema, imagePartSchema, filePartSchema])).min(1),
  ]),
});

/** What an assistant said earlier, given back by a client. */
export const earlierAssistantMessageSchema = z.strictObject({
  role: z.literal("assistant"),
  content: z.union([
    z.string(),
    z.array(z.discriminatedUnion("type", [textPartSchema, reasoningPartSchema, filePartSchema])).min(1),
  ]),
});

/** A message that a client may put into `input`. */
export const inputMessageSchema = z.discriminatedUnion("role", [userMessageSchema, earlierAssistantMessageSchema]);

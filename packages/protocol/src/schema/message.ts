import { z } from "zod";
import { FILE_URL_CHARACTERS_MAX, MEDIA_TYPE_CHARACTERS_MAX } from "../limits.ts";
import type { FilePart } from "../message.ts";
import { filenameSchema } from "./file.ts";
import { idSchema } from "./ids.ts";
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
const FILE_SOURCES = ["fileId", "url", "data"] as const;

/** Zod tells the parts of a message by `type` alone, so the three forms of a file are one object with a check. */
const filePartSchema = z
  .strictObject({
    type: z.literal("file"),
    fileId: idSchema.optional(),
    url: z
      .string()
      .max(FILE_URL_CHARACTERS_MAX)
      .regex(/^https?:\/\//i, "must begin with 'https://' or 'http://'")
      .optional(),
    data: z.string().optional(),
    mediaType: z.string().max(MEDIA_TYPE_CHARACTERS_MAX).optional(),
    filename: filenameSchema.optional(),
    size: z.number().optional(),
    providerOptions: providerOptionsSchema,
  })
  .check(({ value, issues }) => {
    const faultAt = (path: string[], message: string) => issues.push({ code: "custom", input: value, path, message });
    const sources = FILE_SOURCES.filter((name) => value[name] !== undefined);
    if (sources.length !== 1) faultAt([], "must have exactly one of 'fileId', 'url' and 'data'");
    else if (value.data !== undefined && value.mediaType === undefined)
      faultAt(["mediaType"], "must say what 'data' is");
    else if (value.size !== undefined && value.fileId === undefined) faultAt(["size"], "stands beside 'fileId' alone");
  });

/** Of the three forms of a file each has its own fields, as the check has seen to. */
type FileParts<T extends z.ZodType> = z.ZodType<FormOf<z.output<T>>, FormOf<z.input<T>>>;
type FormOf<Part> = Part extends { type: "file" } ? FilePart : Part;
function withFileForms<T extends z.ZodType>(schema: T): FileParts<T> {
  return schema as unknown as FileParts<T>;
}

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
    z.array(withFileForms(z.discriminatedUnion("type", [textPartSchema, imagePartSchema, filePartSchema]))).min(1),
  ]),
});

/** What an assistant said earlier, given back by a client. */
export const earlierAssistantMessageSchema = z.strictObject({
  role: z.literal("assistant"),
  content: z.union([
    z.string(),
    z.array(withFileForms(z.discriminatedUnion("type", [textPartSchema, reasoningPartSchema, filePartSchema]))).min(1),
  ]),
});

/** A message that a client may put into `input`. */
export const inputMessageSchema = z.discriminatedUnion("role", [userMessageSchema, earlierAssistantMessageSchema]);

import { z } from "zod";
import { FILENAME_CHARACTERS_MAX } from "../limits.ts";
import { idSchema } from "./ids.ts";
import { listQuerySchema } from "./page.ts";
import { subjectSchema } from "./subject.ts";
import { timeSchema } from "./time.ts";

/** A file's name as its sender gave it. It names no folder. */
export const filenameSchema = z
  .string()
  .min(1)
  .max(FILENAME_CHARACTERS_MAX)
  .refine((name) => !/[\p{Cc}/\\]/u.test(name), "must have no slash, backslash or control character");

/** The query of `POST /api/files`. */
export const uploadFileQuerySchema = z.object({
  filename: filenameSchema.optional(),
  subject: subjectSchema.optional(),
});

/** The query of `GET /api/files`. */
export const listFilesQuerySchema = listQuerySchema.extend({ subject: subjectSchema.optional() });

/** A file of a tenant, without its bytes. */
export const storedFileSchema = z.object({
  id: idSchema,
  filename: z.string().nullable(),
  mediaType: z.string(),
  size: z.number(),
  sha256: z.string(),
  subject: z.string().nullable(),
  createdAt: timeSchema,
  expiresAt: timeSchema,
});

import { z } from "zod";
import { KEY_LIFETIME_S_MAX, KEY_NAME_CHARACTERS_MAX, KEY_OVERLAP_S_DEFAULT, KEY_OVERLAP_S_MAX } from "../limits.ts";
import { groupsSchema } from "./groups.ts";
import { deviceKeySchema, idSchema } from "./ids.ts";
import { timeSchema } from "./time.ts";
import { subjectSchema } from "./subject.ts";
import { scopeSchema } from "./token.ts";

/** What people know a key by: it is shown in lists, and beside what the key decided. */
export const keyNameSchema = z
  .string()
  .regex(
    new RegExp(`^[\\p{L}\\p{N}][\\p{L}\\p{N} _.@/:+-]{0,${KEY_NAME_CHARACTERS_MAX - 1}}$`, "u"),
    `must be 1 to ${KEY_NAME_CHARACTERS_MAX} letters, digits, spaces or '_.@/:+-', and begin with a letter or digit`,
  );

/** An API key as the API shows it. */
export const apiKeySchema = z.object({
  id: idSchema,
  name: z.string(),
  scopes: z.array(scopeSchema),
  subject: z.string().nullable(),
  groups: groupsSchema,
  createdBy: z.string().nullable(),
  createdAt: timeSchema,
  expiresAt: timeSchema.nullable(),
  lastUsedAt: timeSchema.nullable(),
  revokedAt: timeSchema.nullable(),
  formerSecretUntil: timeSchema.nullable(),
});

/** A key with its secret. */
export const apiKeyWithSecretSchema = apiKeySchema.extend({ key: z.string() });

/** The body of `POST /api/keys`. */
export const createKeyBodySchema = z.strictObject({
  name: keyNameSchema,
  scopes: z.array(scopeSchema).min(1),
  subject: subjectSchema.optional(),
  groups: groupsSchema.min(1).optional(),
  expiresInSeconds: z.int().min(1).max(KEY_LIFETIME_S_MAX).optional(),
});

/** The body of `POST /api/keys/:id/rotate`. */
export const rotateKeyBodySchema = z.strictObject({
  overlapSeconds: z.int().min(0).max(KEY_OVERLAP_S_MAX).default(KEY_OVERLAP_S_DEFAULT),
});

/** The body of `POST /api/tokens/revoke`. */
export const revokeTokensBodySchema = z
  .strictObject({ subject: subjectSchema.optional(), deviceKey: deviceKeySchema.optional() })
  .refine(({ subject, deviceKey }) => subject === undefined || deviceKey === undefined, {
    message: "name a subject or a device, not both",
  });

import { z } from "zod";
import {
  SECRET_NAME_CHARACTERS_MAX,
  SECRET_PREFIX_CHARACTERS_MAX,
  SECRET_VALUE_CHARACTERS_MAX,
  SECRET_VALUE_CHARACTERS_MIN,
} from "../limits.ts";
import { timeSchema } from "./time.ts";

/** The name of a secret, in characters that a file and a variable of the environment can have. */
export const secretNameSchema = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z0-9][A-Za-z0-9_-]{0,${SECRET_NAME_CHARACTERS_MAX - 1}}$`),
    `must be 1 to ${SECRET_NAME_CHARACTERS_MAX} letters, digits, '_' or '-', and begin with a letter or digit`,
  );

/** Stands for a value that is put in when a request is made. */
export const secretRefSchema = z.strictObject({
  secret: secretNameSchema,
  prefix: z.string().max(SECRET_PREFIX_CHARACTERS_MAX).optional(),
});

/** The body of `PUT /api/secrets/:name`. */
export const putSecretBodySchema = z.strictObject({
  value: z.string().min(SECRET_VALUE_CHARACTERS_MIN).max(SECRET_VALUE_CHARACTERS_MAX),
});

/** A secret of a tenant, without its value. */
export const secretSchema = z.object({
  name: secretNameSchema,
  setBy: z.string(),
  createdAt: timeSchema,
  updatedAt: timeSchema,
});

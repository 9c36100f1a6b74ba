import { z } from "zod";
import { isId } from "../ids.ts";
import { TENANT_NAME_CHARACTERS_MAX } from "../limits.ts";
import { apiKeyWithSecretSchema, createKeyBodySchema } from "./api-key.ts";
import { idSchema } from "./ids.ts";
import { timeSchema } from "./time.ts";

/** The name of a new tenant. It never has the shape of an id, so `:idOrName` is unambiguous. */
export const tenantNameSchema = z
  .string()
  .regex(
    new RegExp(`^[\\p{L}\\p{N}][\\p{L}\\p{N} _.@-]{0,${TENANT_NAME_CHARACTERS_MAX - 1}}$`, "u"),
    `must be 1 to ${TENANT_NAME_CHARACTERS_MAX} letters, digits, spaces or '_.@-', and begin with a letter or digit`,
  )
  .refine((name) => !isId(name), "must not look like an id");

/** A tenant, as the operator sees it. */
export const tenantSchema = z.object({
  id: idSchema,
  name: z.string(),
  createdAt: timeSchema,
  disabledAt: timeSchema.nullable(),
});

/** The body of `POST /api/tenants`. */
export const createTenantBodySchema = z.strictObject({
  name: tenantNameSchema,
  key: createKeyBodySchema.default({ name: "admin", scopes: ["admin"] }),
});

/** A new tenant with its first key. */
export const tenantWithKeySchema = tenantSchema.extend({ key: apiKeyWithSecretSchema });

import { z } from "zod";
import { AUDIT_ACTIONS, AUDIT_ACTOR_KINDS, AUDIT_OUTCOMES } from "../audit.ts";
import { TENANT_NAME_CHARACTERS_MAX } from "../limits.ts";
import { idSchema } from "./ids.ts";
import { jsonObjectSchema } from "./json.ts";
import { listQuerySchema } from "./page.ts";
import { timeSchema } from "./time.ts";
import { subjectSchema } from "./subject.ts";

/** Who did an act. */
export const auditActorSchema = z.object({
  kind: z.enum(AUDIT_ACTOR_KINDS),
  keyId: z.string().nullable(),
  name: z.string(),
  subject: z.string().nullable(),
  address: z.string().nullable(),
});

/** One act, as the audit log keeps it. */
export const auditEntrySchema = z.object({
  id: idSchema,
  at: timeSchema,
  action: z.enum(AUDIT_ACTIONS),
  outcome: z.enum(AUDIT_OUTCOMES),
  by: auditActorSchema,
  targets: z.record(z.string(), z.string()),
  details: jsonObjectSchema,
});

/** The query of `GET /api/audit`. */
export const listAuditQuerySchema = listQuerySchema.extend({
  tenant: z.string().min(1).max(TENANT_NAME_CHARACTERS_MAX).optional(),
  action: z.enum(AUDIT_ACTIONS).optional(),
  subject: subjectSchema.optional(),
  keyId: idSchema.optional(),
  since: timeSchema.optional(),
  until: timeSchema.optional(),
});

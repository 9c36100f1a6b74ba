import { z } from "zod";
import { groupsSchema } from "./groups.ts";
import { idSchema } from "./ids.ts";
import { timeSchema } from "./time.ts";

/** A digest: SHA-256 in hex. */
export const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, "must be the 64 hexadecimal digits of an approval");

/** Where a call goes once it is approved. */
export const approvalRecipientSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("device"),
    deviceKey: z.string(),
    deviceId: idSchema.nullable(),
    owner: z.string().nullable(),
    ownerId: z.string().nullable().optional(),
  }),
  z.object({
    kind: z.literal("any_device"),
    labels: z.record(z.string(), z.string()),
    platform: z.string().nullable(),
  }),
  z.object({ kind: z.literal("http"), method: z.string(), origin: z.string().nullable() }),
  z.object({ kind: z.literal("function"), name: z.string() }),
  z.object({ kind: z.literal("agent"), agent: z.string() }),
  z.object({ kind: z.literal("external") }),
]);

/** The decision about a call. */
export const approvalDecisionSchema = z.object({
  approved: z.boolean(),
  at: timeSchema,
  by: z.string(),
  keyId: idSchema.optional(),
  subject: z.string().optional(),
});

/** The approval of a call. */
export const callApprovalSchema = z.object({
  recipient: approvalRecipientSchema,
  digest: digestSchema,
  expiresAt: timeSchema,
  groups: groupsSchema,
  selfApproval: z.boolean(),
  decision: approvalDecisionSchema.nullable(),
});

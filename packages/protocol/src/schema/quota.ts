import { z } from "zod";
import { QUOTA_LIMIT_MAX, TENANT_NAME_CHARACTERS_MAX } from "../limits.ts";
import { timeSchema } from "./time.ts";

const standing = z.object({ used: z.number(), limit: z.number() });
const limit = z.int().min(0).max(QUOTA_LIMIT_MAX).nullable().optional();
const tenant = z.string().min(1).max(TENANT_NAME_CHARACTERS_MAX).optional();

/** The response to a question for a tenant's quotas. */
export const tenantQuotasSchema = z.object({
  quotas: z.object({
    activeRuns: standing,
    queuedRuns: standing,
    devices: standing,
    threads: standing,
    agentVersions: standing,
    storedBytes: standing,
    tokensPerDay: standing,
  }),
  tokensResetAt: timeSchema,
});

/** The body of `PUT /api/quotas`. */
export const setQuotasBodySchema = z.strictObject({
  tenant,
  quotas: z.strictObject({
    activeRuns: limit,
    queuedRuns: limit,
    devices: limit,
    threads: limit,
    agentVersions: limit,
    storedBytes: limit,
    tokensPerDay: limit,
  }),
});

/** The query of `GET /api/quotas`. */
export const quotasQuerySchema = z.object({ tenant });

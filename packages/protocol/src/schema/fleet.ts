import { z } from "zod";
import { RUN_STATUSES } from "../run.ts";
import { idSchema } from "./ids.ts";
import { timeSchema } from "./time.ts";

const amount = z.number().min(0);

/** What a gateway says of itself. */
export const gatewayReportSchema = z.object({
  at: timeSchema,
  runsHeld: amount,
  devices: amount,
  watchers: amount,
  followedRuns: amount,
  bufferedBytes: amount,
  claimedRuns: amount,
  recoveredRuns: amount,
  liveLogFault: z.string().nullable(),
  troubles: z.array(z.object({ at: timeSchema, level: z.enum(["warn", "error"]), message: z.string() })),
});

/** How the gateways of a store stand. */
export const fleetSchema = z.object({
  asOf: timeSchema,
  servedBy: z.string(),
  storeFault: z.string().nullable(),
  storeMs: amount,
  queuedRuns: amount,
  activeRuns: amount,
  dueRuns: amount,
  recoveringRuns: amount,
  oldestDue: z.array(
    z.object({
      runId: idSchema,
      tenantId: idSchema,
      status: z.enum(RUN_STATUSES),
      dueAt: timeSchema,
      recoveries: amount,
    }),
  ),
  gateways: z.array(
    z.object({
      id: z.string(),
      startedAt: timeSchema,
      beatenAt: timeSchema,
      isStopping: z.boolean(),
      report: gatewayReportSchema.nullable(),
    }),
  ),
});

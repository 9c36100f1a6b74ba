import { z } from "zod";
import { positionTextSchema } from "./api.ts";
import type { RunEvent, ToolProgressEvent } from "./event.ts";
import { idSchema } from "./ids.ts";

/** Several runs on one connection: `WS /api/watch`. */
export const watchMessageSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("auth"), token: z.string().max(10_000) }),
  z.strictObject({ type: z.literal("auth.refresh"), token: z.string().max(10_000) }),
  z.strictObject({ type: z.literal("subscribe"), runId: idSchema, after: positionTextSchema.optional() }),
  z.strictObject({ type: z.literal("unsubscribe"), runId: idSchema }),
]);

export type WatchMessage = z.infer<typeof watchMessageSchema>;

/** Anything a gateway says on `WS /api/watch`; run events travel exactly as in the SSE `data` field. */
export type WatchAnswer =
  | { type: "authenticated" }
  | { type: "subscribed"; runId: string }
  | { type: "ended"; runId: string }
  | { type: "error"; runId?: string; code: string; message: string }
  | RunEvent
  | ToolProgressEvent;

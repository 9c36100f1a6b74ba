import { z } from "zod";
import { THREAD_KEY_CHARACTERS_MAX, TOKEN_CHARACTERS_MAX } from "../limits.ts";
import { authRefreshSchema, pingSchema } from "./device-message.ts";
import { idSchema } from "./ids.ts";
import { positionTextSchema } from "./position.ts";

/** A thread's id, or its own key. */
const threadNameSchema = z.string().min(1).max(THREAD_KEY_CHARACTERS_MAX);

const NAMES_ONE = { message: "must name either a run or a thread" };
const namesOne = ({ runId, threadId }: { runId?: string; threadId?: string }): boolean =>
  (runId === undefined) !== (threadId === undefined);

/** Any message from a client on `WS /api/watch`. */
export const watchMessageSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("auth"), token: z.string().max(TOKEN_CHARACTERS_MAX) }),
  authRefreshSchema,
  z
    .strictObject({
      type: z.literal("subscribe"),
      runId: idSchema.optional(),
      after: positionTextSchema.optional(),
      threadId: threadNameSchema.optional(),
    })
    .refine(namesOne, NAMES_ONE)
    .refine(({ after, runId }) => after === undefined || runId !== undefined, {
      path: ["after"],
      message: "is a position of a run, and no run is named",
    }),
  z
    .strictObject({
      type: z.literal("unsubscribe"),
      runId: idSchema.optional(),
      threadId: threadNameSchema.optional(),
    })
    .refine(namesOne, NAMES_ONE),
  pingSchema,
]);

import { z } from "zod";
import { agentNameSchema } from "./ids.ts";

/** A child: another agent takes the call. */
export const agentServerToolSchema = z.strictObject({ type: z.literal("agent"), agent: agentNameSchema });

import { z } from "zod";
import {
  BOOT_ID_CHARACTERS_MAX,
  DISPLAY_NAME_CHARACTERS_MAX,
  MAX_IN_FLIGHT_MAX,
  PLATFORM_CHARACTERS_MAX,
  TOKEN_CHARACTERS_MAX,
  TOOLS_PER_DEVICE_MAX,
} from "../limits.ts";
import { deviceToolSchema, labelsSchema } from "./device.ts";
import { callIdSchema, deviceKeySchema } from "./ids.ts";
import { jsonValueSchema } from "./json.ts";
import { toolResultSchema } from "./tool-call.ts";

/** The first message of a connection: what the device is and offers. */
export const deviceRegisterSchema = z.strictObject({
  type: z.literal("device.register"),
  token: z.string().max(TOKEN_CHARACTERS_MAX),
  deviceKey: deviceKeySchema,
  displayName: z.string().max(DISPLAY_NAME_CHARACTERS_MAX).optional(),
  platform: z.string().max(PLATFORM_CHARACTERS_MAX).optional(),
  labels: labelsSchema.optional(),
  tools: z.array(deviceToolSchema).max(TOOLS_PER_DEVICE_MAX),
  bootId: z.string().min(1).max(BOOT_ID_CHARACTERS_MAX),
  maxInFlight: z.int().min(1).max(MAX_IN_FLIGHT_MAX).optional(),
  drains: z.boolean().optional(),
});

/** The device takes no new call from now on. */
export const deviceDrainSchema = z.strictObject({ type: z.literal("device.drain") });

/** The device has begun to execute a call. */
export const toolAcceptedSchema = z.strictObject({ type: z.literal("tool.accepted"), callId: callIdSchema });

/** Progress of a call. */
export const toolProgressSchema = z.strictObject({
  type: z.literal("tool.progress"),
  callId: callIdSchema,
  data: jsonValueSchema,
});

/** A new token for an open connection. */
export const authRefreshSchema = z.strictObject({
  type: z.literal("auth.refresh"),
  token: z.string().max(TOKEN_CHARACTERS_MAX),
});

/** Asks for a `pong`. */
export const pingSchema = z.strictObject({ type: z.literal("ping") });

/** Any message from a device. */
export const deviceMessageSchema = z.discriminatedUnion("type", [
  deviceRegisterSchema,
  deviceDrainSchema,
  toolAcceptedSchema,
  toolProgressSchema,
  toolResultSchema,
  authRefreshSchema,
  pingSchema,
]);

import { z } from "zod";
import {
  DESCRIPTION_CHARACTERS_MAX,
  LABEL_NAME_CHARACTERS_MAX,
  LABEL_VALUE_CHARACTERS_MAX,
  PAIRING_CODE_CHARACTERS_MAX,
  TOOL_NAME_CHARACTERS_MAX,
} from "../limits.ts";
import { idSchema } from "./ids.ts";
import { jsonObjectSchema } from "./json.ts";
import { listQuerySchema } from "./page.ts";
import { subjectSchema } from "./subject.ts";
import { timeSchema } from "./time.ts";

/** The labels of a device, or the labels that a tool asks for. */
export const labelsSchema = z.record(
  z.string().max(LABEL_NAME_CHARACTERS_MAX),
  z.string().max(LABEL_VALUE_CHARACTERS_MAX),
);

/** A tool that a device offers. */
export const deviceToolSchema = z.strictObject({
  name: z.string().min(1).max(TOOL_NAME_CHARACTERS_MAX),
  description: z.string().max(DESCRIPTION_CHARACTERS_MAX).default(""),
  inputSchema: jsonObjectSchema,
});

/** The body of `POST /api/devices/pairings`. */
export const pairDeviceBodySchema = z.strictObject({ code: z.string().min(1).max(PAIRING_CODE_CHARACTERS_MAX) });

/** The response to a pairing. */
export const pairedDeviceSchema = z.object({ deviceId: idSchema, deviceKey: z.string() });

/** One connection of a device. */
export const deviceSessionSchema = z.object({
  id: idSchema,
  gatewayId: z.string(),
  bootId: z.string(),
  connectedAt: timeSchema,
  disconnectedAt: timeSchema.nullable(),
  reason: z.string().nullable(),
});

/** Where a device stands with its pairing. */
export const devicePairingSchema = z.discriminatedUnion("state", [
  z.object({ state: z.literal("paired"), pairedAt: timeSchema }),
  z.object({ state: z.literal("waiting"), expiresAt: timeSchema }),
  z.object({ state: z.literal("unpaired") }),
  z.object({ state: z.literal("not_needed") }),
]);

/** A device. */
export const deviceSchema = z.object({
  id: idSchema,
  key: z.string(),
  displayName: z.string().nullable(),
  platform: z.string().nullable(),
  subject: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  tools: z.array(deviceToolSchema),
  online: z.boolean(),
  pairing: devicePairingSchema,
  lastSeenAt: timeSchema.nullable(),
  createdAt: timeSchema,
});

/** The query of `GET /api/devices`. */
export const listDevicesQuerySchema = listQuerySchema.extend({ subject: subjectSchema.optional() });

/** A device with its latest connections. */
export const deviceDetailSchema = deviceSchema.extend({ sessions: z.array(deviceSessionSchema) });

import { z } from "zod";
import { deviceToolSchema, toolErrorSchema } from "./api.ts";
import { labelsSchema } from "./agent-config.ts";
import { callIdSchema, deviceKeySchema } from "./ids.ts";
import { type JsonValue, jsonValueSchema } from "./json.ts";

/** The device plane: JSON text messages, one object each, on `WS /devices/connect`. */
export const DEVICE_SUBPROTOCOL = "hsafa.device.v1";

/** Close codes say what to do next. */
export const CLOSE_CODES = {
  /** What came is not this protocol: stop. */
  protocolError: 4400,
  /** The token is missing, wrong or worn out: get a new one, then reconnect. */
  notAuthenticated: 4401,
  /** Nothing was heard for too long: reconnect. */
  heartbeatMissed: 4408,
  /** Another connection with the same device key took over: stop. */
  replaced: 4409,
  /** The gateway is going away: reconnect at once. */
  goingAway: 1012,
} as const;

export const deviceRegisterSchema = z.strictObject({
  type: z.literal("device.register"),
  token: z.string().max(10_000),
  deviceKey: deviceKeySchema,
  displayName: z.string().max(200).optional(),
  platform: z.string().max(100).optional(),
  labels: labelsSchema.optional(),
  tools: z.array(deviceToolSchema).max(256),
  /** Changes exactly when the device has lost its memory of results. */
  bootId: z.string().min(1).max(200),
  maxInFlight: z.int().min(1).max(1000).optional(),
});
export const toolAcceptedSchema = z.strictObject({ type: z.literal("tool.accepted"), callId: callIdSchema });
export const toolProgressSchema = z.strictObject({
  type: z.literal("tool.progress"),
  callId: callIdSchema,
  data: jsonValueSchema,
});
export const toolResultSchema = z
  .strictObject({
    type: z.literal("tool.result"),
    callId: callIdSchema,
    result: jsonValueSchema.optional(),
    error: toolErrorSchema.optional(),
  })
  .refine((message) => (message.result === undefined) !== (message.error === undefined), {
    error: "exactly one of 'result' and 'error' must be given (a tool without a result answers null)",
  });
export const authRefreshSchema = z.strictObject({ type: z.literal("auth.refresh"), token: z.string().max(10_000) });
export const pingSchema = z.strictObject({ type: z.literal("ping") });

/** Anything a registered device may say. */
export const deviceMessageSchema = z.discriminatedUnion("type", [
  deviceRegisterSchema,
  toolAcceptedSchema,
  toolProgressSchema,
  toolResultSchema,
  authRefreshSchema,
  pingSchema,
]);

export type DeviceRegister = z.infer<typeof deviceRegisterSchema>;
export type DeviceMessage = z.infer<typeof deviceMessageSchema>;

/** Anything a gateway says to a device. */
export type GatewayMessage =
  | { type: "device.registered"; deviceId: string; sessionId: string; heartbeatMs: number }
  | {
      type: "tool.call.request";
      callId: string;
      runId: string;
      toolName: string;
      args: JsonValue;
      attempt: number;
      deadline: string | null;
    }
  | { type: "tool.call.cancel"; callId: string }
  | { type: "tool.result.ack"; callId: string; duplicate: boolean }
  | { type: "pong" }
  /** `callId`: the call whose message could not be taken. */
  | { type: "error"; code: string; message: string; callId?: string };

import type { SentCall } from "./plan-device-calls.ts";
import type { DeviceSocket } from "./device-socket.ts";

/** A registered device on one connection of this gateway. */
export interface DeviceSession {
  readonly tenantId: string;
  readonly deviceKey: string;
  readonly deviceId: string;
  readonly sessionId: string;
  readonly bootId: string;
  /** How many calls the device takes at once. */
  readonly maxInFlight: number;
  /** What was sent on this connection and is not settled yet, by call id. */
  readonly sent: Map<string, SentCall>;
  readonly socket: Pick<DeviceSocket, "send" | "end">;
  /** Whether the device was heard here after it had registered, and whether the store knows. */
  confirmation: "awaited" | "heard" | "recorded";
}

import type { SentCall } from "./plan-device-calls.ts";
import type { DeviceSocket } from "./device-socket.ts";
import type { TenantId } from "../core/tenant-id.ts";

/** A registered device on one connection of this gateway. */
export interface DeviceSession {
  readonly tenantId: TenantId;
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
  /** Whether the device takes no new call: it has asked for that, or knows that none comes. */
  drain: "no" | "asked" | "told";
  /** Calls that another device should take, by id: since when, by the monotonic clock. */
  heldBack: ReadonlyMap<string, number>;
  /** Set while it awaits its pairing: when its code expires, in ms since the epoch. */
  pairingUntil: number | null;
}

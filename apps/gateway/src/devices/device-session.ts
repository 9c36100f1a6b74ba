import type { GatewayMessage } from "@hsafa/protocol";
import type { SentCall } from "./device-session-rules.ts";

/** Why a session ends here, and thereby what the device is told to do. */
export type SessionEnd =
  /** Another connection with the same key took over, or the device was deleted: stop. */
  | "replaced"
  /** It was given up as dead although it lives (its gateway was out of reach of the store): reconnect. */
  | "swept";

/**
 * The socket of a session, as `control` sees it. Neither method throws or waits; on a closed socket both do nothing.
 */
export interface DeviceSocket {
  send(message: GatewayMessage): void;
  end(why: SessionEnd): void;
}

/** A registered device on one connection of this gateway. */
export interface DeviceSession {
  readonly tenantId: string;
  readonly deviceKey: string;
  readonly deviceId: string;
  readonly sessionId: string;
  readonly bootId: string;
  readonly maxInFlight: number;
  /** What went out on this connection and is not settled yet, by call id. */
  readonly sent: Map<string, SentCall>;
  readonly socket: DeviceSocket;
}

import type { GatewayMessage } from "@hsafa/protocol";
import type { TakePlace } from "../access/places.ts";
import type { CredentialLife } from "../access/credential-life.ts";
import type { Refusal } from "../access/refusal.ts";

/** Why the gateway ends a device's connection. It decides what the device does next. */
export type SessionEnd =
  /** Another connection with the same key took over and was heard, or the device was deleted: stop. */
  | "replaced"
  /**
   * The session is over although its device may live, and no other connection of it is known to live: reconnect. Its
   * gateway could not reach the store. Or it was replaced by the late registration of a connection that is gone.
   */
  | "swept"
  /** This gateway goes away: reconnect at once, to another one. */
  | "gateway_stopped";

/**
 * A device's connection as the device server sees it. No method throws or waits. On a connection that has ended all of
 * them do nothing.
 */
export interface DeviceSocket {
  send(message: GatewayMessage): void;
  /**
   * Reports a message that breaks the protocol. It ends the connection if the device is not admitted yet, or if there
   * were too many of them. `callId`: the call that the message was about.
   */
  fault(detail: string, callId?: string): void;
  /** It is called once, when the credential was found good. */
  readonly takePlace: TakePlace;
  /** The address of the other side, which is held to account for credentials that are unknown. */
  readonly from: string;
  /** The device is known from now on. The connection ends with the credential, unless it is admitted again. */
  admit(credential: CredentialLife): void;
  /** Refuses the device's credential, and ends the connection. */
  refuse(refusal: Refusal): void;
  end(why: SessionEnd): void;
}

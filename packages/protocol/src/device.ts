import type { JsonObject } from "./json.ts";
import type { PageQuery } from "./page.ts";

/** A tool that a device offers. */
export interface DeviceTool {
  readonly name: string;
  /** What the tool does; empty if the device says nothing. */
  readonly description: string;
  /** The JSON Schema of the arguments. */
  readonly inputSchema: JsonObject;
}

/** Where a device stands with its pairing. A device whose credential needs none takes calls in every state. */
export type DevicePairing =
  /** Somebody entered its code. It comes back without one. `pairedAt` is ISO 8601, UTC. */
  | { readonly state: "paired"; readonly pairedAt: string }
  /** It is connected, shows a code and takes no calls. The code is good until `expiresAt`. ISO 8601, UTC. */
  | { readonly state: "waiting"; readonly expiresAt: string }
  /** Its last connection waited for a pairing, and nobody entered the code. */
  | { readonly state: "unpaired" }
  /** Its last connection had a credential that needs no pairing. */
  | { readonly state: "not_needed" };

/** A device as the API shows it. */
export interface Device {
  readonly id: string;
  /** The device's own name for itself, unique in its tenant. */
  readonly key: string;
  /** The device's name for people. */
  readonly displayName: string | null;
  readonly platform: string | null;
  /** The user of the tenant whose device it is; `null`: it is the tenant's own. */
  readonly subject: string | null;
  /** What the device says about itself. Tools may ask for labels. */
  readonly labels: Record<string, string>;
  readonly tools: DeviceTool[];
  /** Whether the device is connected to a gateway. */
  readonly online: boolean;
  readonly pairing: DevicePairing;
  /** ISO 8601, UTC; `null` if the device was never seen. */
  readonly lastSeenAt: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** The query of `GET /api/devices`. */
export interface ListDevicesQuery extends PageQuery {
  /** The user of the tenant whose devices are listed. */
  readonly subject?: string;
}

/** The body of `POST /api/devices/pairings`. */
export interface PairDeviceBody {
  /** As the device shows it. Case, spaces and dashes do not matter. */
  readonly code: string;
}

/** The response to a pairing. */
export interface PairedDevice {
  readonly deviceId: string;
  readonly deviceKey: string;
}

/** One connection of a device. */
export interface DeviceSession {
  readonly id: string;
  /** The gateway that holds, or held, the connection. */
  readonly gatewayId: string;
  /** Changes when the device has lost its memory of results. */
  readonly bootId: string;
  /** ISO 8601, UTC. */
  readonly connectedAt: string;
  /** ISO 8601, UTC; `null` while the connection lasts. */
  readonly disconnectedAt: string | null;
  /** Why the connection ended; `null` while it lasts. */
  readonly reason: string | null;
}

/** A device with its latest connections, newest first. */
export interface DeviceDetail extends Device {
  readonly sessions: DeviceSession[];
}

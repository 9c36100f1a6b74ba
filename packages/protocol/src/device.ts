import type { JsonObject } from "./json.ts";

/** A tool that a device offers. */
export interface DeviceTool {
  readonly name: string;
  /** What the tool does; empty if the device says nothing. */
  readonly description: string;
  /** The JSON Schema of the arguments. */
  readonly inputSchema: JsonObject;
}

/** A device as the API shows it. */
export interface Device {
  readonly id: string;
  /** The device's own name for itself, unique in its tenant. */
  readonly key: string;
  /** The device's name for people. */
  readonly displayName: string | null;
  readonly platform: string | null;
  /** What the device says about itself. Tools may ask for labels. */
  readonly labels: Record<string, string>;
  readonly tools: DeviceTool[];
  /** Whether the device is connected to a gateway. */
  readonly online: boolean;
  /** ISO 8601, UTC; `null` if the device was never seen. */
  readonly lastSeenAt: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
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

import type { DeviceRegister } from "@hsafa/protocol";
import type { WebSocketConstructor } from "./client-socket.ts";
import type { DeviceTool } from "./device-calls.ts";
import type { DeviceLinkState } from "./device-link-state.ts";
import type { DeviceStorage } from "./device-memory.ts";
import type { TokenSource } from "./token.ts";

/** What a device is, what it offers, and where it connects. */
export interface DeviceOptions {
  /** Where the gateway is, such as `https://hsafa.example.com`. */
  readonly url: string;
  /** A key or token with the scope `devices:connect`, or a function that gets one. */
  readonly token: TokenSource;
  /**
   * The device's own name for itself, unique in its tenant. In a browser it is one per tab: while another living tab
   * holds it, this one gets a key of its own (`Device.deviceKey`). `tabDeviceKey()` makes one that outlives a reload.
   */
  readonly deviceKey: string;
  /** The tools, by their names. */
  readonly tools: Readonly<Record<string, DeviceTool>>;
  /** The device's name for people. */
  readonly displayName?: string;
  /** `browser` is what tools with the target `browser` look for. */
  readonly platform?: string;
  /** What the device says about itself. Tools may ask for labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Calls that the device takes at once; 16 if left out. */
  readonly maxInFlight?: number;
  /** Lets the memory of results outlive the process: `localStorage`, `AsyncStorage`, or your own. */
  readonly storage?: DeviceStorage;
  /** Replaces the global `WebSocket`. */
  readonly WebSocket?: WebSocketConstructor;
  /**
   * Called with a code that a person has to enter before the device gets calls, and with `null` once it was entered. A
   * new connection may have another code.
   */
  readonly onPairing?: (code: string | null) => void;
  /** Called with each state of the connection. */
  readonly onState?: (state: DeviceLinkState) => void;
  /**
   * Called with what went wrong and ended nothing: a refused message, a token that could not be had, a storage that
   * failed.
   */
  readonly onError?: (error: unknown) => void;
}

/** Returns the URL of a gateway's device socket. */
export function deviceUrlOf({ url }: Pick<DeviceOptions, "url">): string {
  return `${url.replace(/^http/, "ws").replace(/\/+$/, "")}/devices/connect`;
}

/** Returns the first message of a connection. */
export function registrationOf(
  options: DeviceOptions & Pick<DeviceRegister, "drains">,
  token: string,
  bootId: string,
): DeviceRegister {
  const { deviceKey, displayName, platform, labels, maxInFlight, drains } = options;
  const tools = Object.entries(options.tools).map(([name, { description = "", inputSchema }]) => ({
    name,
    description,
    inputSchema,
  }));
  return {
    type: "device.register",
    token,
    deviceKey,
    displayName,
    platform,
    labels: labels === undefined ? undefined : { ...labels },
    tools,
    bootId,
    maxInFlight,
    drains,
  };
}

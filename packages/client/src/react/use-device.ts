import { useEffect, useRef, useState } from "react";
import { createDevice, type Device } from "../device.ts";
import type { DeviceTool } from "../device-calls.ts";
import type { DeviceLinkState } from "../device-link-state.ts";
import type { DeviceOptions } from "../device-options.ts";
import { tabDeviceKey } from "../tab-key.ts";
import { useHsafa } from "./hsafa-provider.ts";

/** A device in a component: what `createDevice` takes, without the gateway and the token, which the provider has. */
export interface UseDeviceOptions extends Omit<DeviceOptions, "url" | "token" | "deviceKey" | "onState" | "onPairing"> {
  /** The device's own key; if left out, one that this tab keeps over a reload. */
  readonly deviceKey?: string;
}

/** A device that a component offers. */
export interface ShownDevice {
  /** The key that runs start with; `null` before it is known, and on a server. */
  readonly deviceKey: string | null;
  /** The state of its connection; `null` before there is one. */
  readonly state: DeviceLinkState | null;
  /** A code that somebody has to enter; `null`: none. */
  readonly pairingCode: string | null;
}

const NONE: ShownDevice = { deviceKey: null, state: null, pairingCode: null };

/**
 * Makes this page a device while the component is shown. A tool may be another function with each render: the latest is
 * called. Other names, schemas or labels connect anew.
 */
export function useDevice(options: UseDeviceOptions): ShownDevice {
  const { options: client } = useHsafa();
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const [shown, setShown] = useState(NONE);
  const offer = offerOf(options);

  useEffect(() => {
    let device: Device | null = null;
    let isOver = false;
    const show = (next: Partial<ShownDevice>): void => {
      if (!isOver) setShown((before) => ({ ...before, ...next }));
    };
    const begin = async (): Promise<void> => {
      const deviceKey = latest.current.deviceKey ?? (await tabDeviceKey());
      if (isOver) return;
      const made = createDevice({
        ...latest.current,
        platform: latest.current.platform ?? "browser",
        url: client.url,
        token: client.token,
        deviceKey,
        ...(client.WebSocket ? { WebSocket: client.WebSocket } : {}),
        tools: latestTools(() => latest.current),
        onState: (state) => show({ state, deviceKey: made.deviceKey }),
        onPairing: (pairingCode) => show({ pairingCode }),
      });
      device = made;
    };
    begin().catch((error: unknown) => latest.current.onError?.(error));
    return () => {
      isOver = true;
      device?.close();
      setShown(NONE);
    };
  }, [client, offer]);

  return shown;
}

/** What the gateway is told of a device, as one text: another one needs another registration. */
function offerOf({ tools, deviceKey, displayName, platform, labels, maxInFlight }: UseDeviceOptions): string {
  const offered = Object.entries(tools).map(([name, { description, inputSchema }]) => [name, description, inputSchema]);
  return JSON.stringify([offered, deviceKey, displayName, platform, labels, maxInFlight]);
}

/** The tools as they are now, each of which executes as it is when it is called. */
function latestTools(options: () => UseDeviceOptions): Record<string, DeviceTool> {
  return Object.fromEntries(
    Object.entries(options().tools).map(([name, tool]): [string, DeviceTool] => [
      name,
      { ...tool, execute: (args, context) => (options().tools[name] ?? tool).execute(args, context) },
    ]),
  );
}

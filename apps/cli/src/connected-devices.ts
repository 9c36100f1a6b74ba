import type { Client } from "@hsafa/client";
import type { Device } from "@hsafa/protocol";
import { eachItem } from "./each-item.ts";
import { DEVICES_LOOKED_AT_MAX } from "./limits.ts";

/** Returns the devices that are connected now, as far as the newest ones go. */
export async function connectedDevices(client: Client): Promise<readonly Device[]> {
  const connected: Device[] = [];
  for await (const device of eachItem((query) => client.devices.list(query), DEVICES_LOOKED_AT_MAX)) {
    if (device.online) connected.push(device);
  }
  return connected;
}

import type { Device, DeviceDetail, ListDevicesQuery, Page } from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about devices. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Devices {
  /** Returns a page of devices, newest first. `pairing` tells which of them wait to be paired. */
  list(query?: ListDevicesQuery, options?: CallOptions): Promise<Page<Device>>;
  /** Returns a device with its latest connections. */
  get(deviceId: string, options?: CallOptions): Promise<DeviceDetail>;
  /** Deletes a device and closes its connection. */
  delete(deviceId: string, options?: CallOptions): Promise<void>;
}

/** Makes the calls about devices. */
export function createDevices(connection: Connection): Devices {
  const path = (deviceId: string): string => `/api/devices/${encodeURIComponent(deviceId)}`;
  return {
    list(query = {}, options = {}) {
      return connection.call("/api/devices", { query: { ...query }, ...options });
    },
    get(deviceId, options = {}) {
      return connection.call(path(deviceId), options);
    },
    delete(deviceId, options = {}) {
      return connection.call(path(deviceId), { method: "DELETE", ...options });
    },
  };
}

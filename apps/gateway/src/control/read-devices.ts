import { type Device, type DeviceDetail, isId, type Page } from "@hsafa/protocol";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";

interface Deps {
  readonly store: Store;
}

/** Lists the tenant's devices. */
export function listDevices({ store }: Deps, { tenantId }: Principal, page: PageParams): Promise<Page<Device>> {
  return store.forTenant(tenantId).listDevices(page);
}

/** Finds one device with its sessions. */
export async function findDevice(
  { store }: Deps,
  { tenantId }: Principal,
  deviceId: string,
): Promise<{ readonly kind: "found"; readonly device: DeviceDetail } | Refusal> {
  const device = isId(deviceId) ? await store.forTenant(tenantId).findDevice({ deviceId }) : null;
  return device === null ? notFound("device") : { kind: "found", device };
}

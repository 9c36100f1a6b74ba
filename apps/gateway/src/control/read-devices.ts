import { type Device, type DeviceDetail, isId, type Page } from "@hsafa/protocol";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";

interface Deps {
  readonly store: Store;
}

/** The tenant's devices. */
export function listDevices({ store }: Deps, { tenantId }: Principal, page: PageParams): Promise<Page<Device>> {
  return store.forTenant(tenantId).listDevices(page);
}

/** One device with its sessions. */
export async function findDevice(
  { store }: Deps,
  { tenantId }: Principal,
  deviceId: string,
): Promise<{ readonly kind: "found"; readonly device: DeviceDetail } | Refusal> {
  const device = isId(deviceId) ? await store.forTenant(tenantId).findDevice({ deviceId }) : null;
  return device === null ? notFound("device") : { kind: "found", device };
}

/** Forgets a device; whichever gateway holds its socket is rung and closes it. */
export async function deleteDevice(
  deps: Deps & { readonly bell: Bell },
  principal: Principal,
  deviceId: string,
): Promise<{ readonly kind: "deleted" } | Refusal> {
  const { tenantId } = principal;
  const found = await findDevice(deps, principal, deviceId);
  if (found.kind === "refused") return found;
  if (!(await deps.store.forTenant(tenantId).deleteDevice({ deviceId }))) return notFound("device");
  deps.bell.ring({ about: "device", tenantId, deviceKey: found.device.key });
  return { kind: "deleted" };
}

import { type Device, type DeviceDetail, isId, type Page } from "@hsafa/protocol";
import { mayAccessDevice } from "../access/may-access-device.ts";
import { listedSubject } from "../access/listed-subject.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import type { Store } from "../ports/store.ts";
import type { PageParams } from "../ports/tenant-store.ts";

interface Deps {
  readonly store: Store;
}

/** Lists the devices that the principal reaches. */
export async function listDevices(
  { store }: Deps,
  principal: Principal,
  params: PageParams & { readonly subject: string | undefined },
): Promise<Page<Device>> {
  const listed = listedSubject(principal, params.subject);
  if (listed === null) return { data: [], nextCursor: null };
  return store.forTenant(principal.tenantId).listDevices({ ...params, ...listed });
}

/** Finds one device with its sessions. */
export async function findDevice(
  { store }: Deps,
  principal: Principal,
  deviceId: string,
): Promise<{ readonly kind: "found"; readonly device: DeviceDetail } | Refusal> {
  const device = isId(deviceId) ? await store.forTenant(principal.tenantId).findDevice({ deviceId }) : null;
  return device === null || !mayAccessDevice(principal, device) ? notFound("device") : { kind: "found", device };
}

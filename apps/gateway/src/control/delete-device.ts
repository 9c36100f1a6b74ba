import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal } from "../access/refusal.ts";
import type { Bell } from "../ports/bell.ts";
import type { Store } from "../ports/store.ts";
import { findDevice } from "./read-devices.ts";

/** Forgets a device. The gateway that holds its socket is rung, and closes it. */
export async function deleteDevice(
  deps: { readonly store: Store; readonly bell: Bell },
  principal: Principal,
  deviceId: string,
): Promise<{ readonly kind: "deleted" } | Refusal> {
  const { tenantId } = principal;
  const found = await findDevice(deps, principal, deviceId);
  if (found.kind === "refused") return found;
  if (!(await deps.store.forTenant(tenantId).deleteDevice({ deviceId, by: actorOf(principal) })))
    return notFound("device");
  deps.bell.ring({ about: "device", tenantId, deviceKey: found.device.key });
  return { kind: "deleted" };
}

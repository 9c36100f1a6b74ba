import type { DeviceRegister } from "@hsafa/protocol";
import { DEVICE_IN_FLIGHT_DEFAULT } from "./limits.ts";
import { DEVICE_IN_FLIGHT_MAX } from "../ports/limits.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import { hasScope } from "../access/access-rules.ts";
import type { Authenticate } from "../access/authenticate.ts";
import type { Principal } from "../access/principal.ts";

/** Whether a token lets its holder be this device. `reason` may be shown to whoever asked. */
export type DeviceAdmission =
  | { readonly kind: "admitted"; readonly principal: Principal }
  | { readonly kind: "refused"; readonly code: "unauthenticated" | "forbidden"; readonly reason: string }
  | { readonly kind: "unavailable" };

export type DeviceRegistration =
  | {
      readonly kind: "registered";
      readonly principal: Principal;
      readonly deviceId: string;
      readonly sessionId: string;
      readonly maxInFlight: number;
    }
  | { readonly kind: "invalid"; readonly reason: string }
  | Exclude<DeviceAdmission, { kind: "admitted" }>;

/** Says whether this token may connect as this device: at registration, and again when a socket renews its token. */
export async function admitDevice(
  deps: { readonly authenticate: Authenticate },
  params: { readonly token: string; readonly deviceKey: string },
): Promise<DeviceAdmission> {
  try {
    const authentication = await deps.authenticate(params.token);
    if (authentication.kind === "refused") {
      return { kind: "refused", code: "unauthenticated", reason: authentication.reason };
    }
    const { principal } = authentication;
    if (!hasScope(principal, ["devices:connect"])) {
      return { kind: "refused", code: "forbidden", reason: "The token lacks the scope devices:connect." };
    }
    if (principal.deviceKey !== undefined && principal.deviceKey !== params.deviceKey) {
      return { kind: "refused", code: "forbidden", reason: "The token was made for another device key." };
    }
    return { kind: "admitted", principal };
  } catch (error) {
    if (error instanceof StoreUnavailable) return { kind: "unavailable" };
    throw error;
  }
}

/** Makes or updates the device and opens a session for this connection; a session it had before ends as replaced. */
export async function registerDevice(
  deps: { readonly authenticate: Authenticate; readonly store: Store; readonly gatewayId: string },
  message: DeviceRegister,
): Promise<DeviceRegistration> {
  const { token, deviceKey, displayName, platform, labels, tools, bootId } = message;
  const twice = tools.find((tool, index) => tools.findIndex(({ name }) => name === tool.name) !== index);
  if (twice !== undefined) return { kind: "invalid", reason: `The tool '${twice.name}' is offered twice.` };

  const admission = await admitDevice(deps, { token, deviceKey });
  if (admission.kind !== "admitted") return admission;
  const { principal } = admission;
  // No more than the store surely lists for one session: a call in hand that it leaves out is taken for settled.
  const maxInFlight = Math.min(message.maxInFlight ?? DEVICE_IN_FLIGHT_DEFAULT, DEVICE_IN_FLIGHT_MAX);
  try {
    const registered = await deps.store.forTenant(principal.tenantId).registerDevice({
      gatewayId: deps.gatewayId,
      deviceKey,
      displayName: displayName ?? null,
      platform: platform ?? null,
      labels: labels ?? {},
      tools,
      bootId,
      maxInFlight,
    });
    return { kind: "registered", principal, maxInFlight, ...registered };
  } catch (error) {
    if (error instanceof StoreUnavailable) return { kind: "unavailable" };
    throw error;
  }
}

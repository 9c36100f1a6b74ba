import type { DeviceRegister } from "@hsafa/protocol";
import { admit, type Requirement } from "../access/admit.ts";
import type { Authenticate } from "../access/authenticate.ts";
import type { Principal } from "../access/principal.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import type { Clock } from "../ports/clock.ts";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import { DEVICE_IN_FLIGHT_MAX } from "../ports/limits.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import { DEVICE_IN_FLIGHT_DEFAULT } from "./limits.ts";
import type { SessionCloser } from "./session-closer.ts";

export type DeviceRegistration =
  | {
      readonly kind: "registered";
      readonly principal: Principal;
      readonly deviceId: string;
      readonly sessionId: string;
      readonly maxInFlight: number;
    }
  /** The message itself is wrong, for any sender. `detail` may be shown. */
  | { readonly kind: "invalid"; readonly detail: string }
  /** The credential was refused, or the store is away (`unavailable`). */
  | Refusal;

/** What a credential must allow to connect as this device: at registration, and when a token is renewed. */
export function deviceRequirement(deviceKey: string): Requirement {
  return { scopes: ["devices:connect"], deviceKey };
}

/**
 * Creates or updates the device and opens a session for this connection. The session that it had before ends as
 * replaced.
 */
export async function registerDevice(
  deps: {
    readonly authenticate: Authenticate;
    readonly store: Store;
    readonly gatewayId: string;
    readonly clock: Pick<Clock, "newId">;
    readonly closer: Pick<SessionCloser, "endUnconfirmed">;
    readonly schemas: Pick<JsonSchemas, "findFaults">;
  },
  message: DeviceRegister,
): Promise<DeviceRegistration> {
  const { token, deviceKey, displayName, platform, labels, tools, bootId } = message;
  const twice = tools.find((tool, index) => tools.findIndex(({ name }) => name === tool.name) !== index);
  if (twice !== undefined) return { kind: "invalid", detail: `The tool '${twice.name}' is offered twice.` };

  const admission = await admit(deps, token, deviceRequirement(deviceKey));
  if (admission.kind === "refused") return admission;
  const { principal } = admission;
  const { tenantId } = principal;
  // After the credential: a stranger's schemas are worth no work.
  const faults = await deps.schemas.findFaults({ tenantId, schemas: tools.map(({ inputSchema }) => inputSchema) });
  const wrong = faults.findIndex((fault) => fault !== null);
  if (wrong >= 0) {
    const detail = `The inputSchema of the tool '${tools[wrong]?.name}' cannot be used: ${faults[wrong]}.`;
    return { kind: "invalid", detail };
  }
  const sessionId = deps.clock.newId();
  // No more than the store lists for one session in any case: a call in hand that is not listed counts as settled.
  const maxInFlight = Math.min(message.maxInFlight ?? DEVICE_IN_FLIGHT_DEFAULT, DEVICE_IN_FLIGHT_MAX);
  try {
    const registered = await deps.store.forTenant(tenantId).registerDevice({
      sessionId,
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
    if (!(error instanceof StoreUnavailable)) throw error;
    // The store may have opened the session all the same, and nobody else knows of it.
    deps.closer.endUnconfirmed({ tenantId, sessionId, reason: "unconfirmed" });
    return refuse("unavailable", "The store is away; connect again.");
  }
}

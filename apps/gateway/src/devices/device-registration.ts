import type { DeviceRegister } from "@hsafa/protocol";
import { admit, type Requirement } from "../access/admit.ts";
import type { Authenticate } from "../access/authenticate.ts";
import { deviceOwner } from "../access/device-owner.ts";
import { quotaExceeded } from "../access/quota-exceeded.ts";
import { PAIRING_CODE_LIFE_MS } from "../access/limits.ts";
import { newPairingCode } from "../access/pairing-code.ts";
import { actorOf } from "../access/actor-of.ts";
import type { Principal } from "../access/principal.ts";
import { hasScope } from "../access/scopes.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import type { Clock } from "../ports/clock.ts";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import { DEVICE_IN_FLIGHT_MAX, PAIRINGS_PENDING_MAX } from "../ports/limits.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import type { TenantQuotas } from "../runtime/tenant-quotas.ts";
import type { DeviceSocket } from "./device-socket.ts";
import { DEVICE_IN_FLIGHT_DEFAULT } from "./limits.ts";
import type { RegistrationBatches } from "./registration-batches.ts";
import type { SessionCloser } from "./session-closer.ts";
import { claimOf, untrustedClaim } from "./untrusted-claim.ts";

export type DeviceRegistration =
  | {
      readonly kind: "registered";
      readonly principal: Principal;
      readonly deviceId: string;
      readonly sessionId: string;
      readonly maxInFlight: number;
      /** The code by which it is paired, and when that expires, in ms since the epoch; null: it need not be. */
      readonly pairing: { readonly code: string; readonly expiresAt: number } | null;
    }
  /** The message itself is wrong, for any sender. `detail` may be shown. */
  | { readonly kind: "invalid"; readonly detail: string }
  /** The credential was refused, or the store is away (`unavailable`). */
  | Refusal;

/** What a credential must allow to connect as this device: at registration, and when a token is renewed. */
export function deviceRequirement(deviceKey: string, from: string): Requirement {
  return { scopes: ["devices:connect", "devices:enroll"], deviceKey, from };
}

/**
 * Creates or updates the device and opens a session for this connection. The session that it had before ends as
 * replaced.
 */
export async function registerDevice(
  deps: {
    readonly authenticate: Authenticate;
    readonly store: Store;
    readonly registrations: Pick<RegistrationBatches, "register">;
    readonly gatewayId: string;
    readonly clock: Pick<Clock, "newId" | "now">;
    readonly quotas: TenantQuotas;
    readonly closer: Pick<SessionCloser, "endUnconfirmed">;
    readonly schemas: Pick<JsonSchemas, "findFaults">;
    readonly socket: Pick<DeviceSocket, "takePlace" | "from">;
  },
  message: DeviceRegister,
): Promise<DeviceRegistration> {
  const { token, deviceKey, displayName, platform, labels, tools, bootId } = message;
  const twice = tools.find((tool, index) => tools.findIndex(({ name }) => name === tool.name) !== index);
  if (twice !== undefined) return { kind: "invalid", detail: `The tool '${twice.name}' is offered twice.` };

  const admission = await admit(deps, token, deviceRequirement(deviceKey, deps.socket.from));
  if (admission.kind === "refused") return admission;
  const { principal } = admission;
  const isPooled = hasScope(principal, ["devices:pool"]);
  const claim = isPooled ? untrustedClaim(principal, claimOf(message)) : null;
  if (claim !== null) return refuse("forbidden", claim);
  const noPlace = deps.socket.takePlace(principal);
  if (noPlace !== null) return noPlace;
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
    const store = deps.store.forTenant(tenantId);
    const ownerId = deviceOwner(principal);
    const code = hasScope(principal, ["devices:connect"]) ? null : newPairingCode();
    const expiresAt = deps.clock.now() + PAIRING_CODE_LIFE_MS;
    if (code !== null && (await store.countPendingPairings({ deviceKey, ownerId })) >= PAIRINGS_PENDING_MAX) {
      return refuse("too_many_requests", "Too many devices of the tenant await their pairing; connect again later.");
    }
    const pairing = { expiresInMs: PAIRING_CODE_LIFE_MS };
    const within = await deps.quotas.within(tenantId, {
      needs: ["devices", "storedBytes"],
      isKnown: () => store.knows({ kind: "device", key: deviceKey }),
      make: () =>
        deps.registrations.register(tenantId, {
          sessionId,
          gatewayId: deps.gatewayId,
          deviceKey,
          displayName: displayName ?? null,
          platform: platform ?? null,
          labels: labels ?? {},
          tools,
          bootId,
          maxInFlight: message.drains === true ? 0 : maxInFlight,
          owner: principal.name,
          ownerId,
          subject: principal.subject ?? null,
          onlyRunId: principal.runId ?? null,
          onlyThreadId: principal.threadId ?? null,
          mayTakeOver: hasScope(principal, ["admin"]),
          isPooled,
          ...(code === null ? {} : { pairing: { code, ...pairing } }),
          by: actorOf(principal),
        }),
    });
    if (within.kind === "no_room") return quotaExceeded(within.lack, deps.clock.now());
    if (within.made === null) {
      return refuse(
        "forbidden",
        "The device belongs to somebody else; use a credential of its owner, or choose another device key.",
      );
    }
    const { deviceId, awaitsPairing } = within.made;
    const shown = code !== null && awaitsPairing ? { code, expiresAt } : null;
    return { kind: "registered", principal, maxInFlight, deviceId, sessionId, pairing: shown };
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    // The store may have opened the session all the same, and nobody else knows of it.
    deps.closer.endUnconfirmed({ tenantId, sessionId, reason: "unconfirmed" });
    return refuse("unavailable", "The store is away; connect again.");
  }
}

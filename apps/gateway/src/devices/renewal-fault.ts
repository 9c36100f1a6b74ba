import { deviceOwner } from "../access/device-owner.ts";
import type { Principal } from "../access/principal.ts";
import { hasScope } from "../access/scopes.ts";
import { type DeviceClaim, untrustedClaim } from "./untrusted-claim.ts";

/**
 * Why a new credential may not take the place of the one that registered a device, as a sentence; null: it may. The
 * session goes on as it was registered, so the new one must allow all that was allowed then.
 */
export function renewalFault(opened: Principal, registered: DeviceClaim, renewed: Principal): string | null {
  if (deviceOwner(opened) !== deviceOwner(renewed)) return "The token is for another owner than the device's.";
  if (opened.runId !== renewed.runId || opened.threadId !== renewed.threadId) {
    return "The token names another run or thread than the one before; connect anew with it.";
  }
  if (!hasScope(opened, ["devices:pool"])) return null;
  if (!hasScope(renewed, ["devices:pool"])) return "The token is not for the pool; connect anew with it.";
  return untrustedClaim(renewed, registered);
}

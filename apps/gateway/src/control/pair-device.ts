import type { PairedDevice } from "@hsafa/protocol";
import { actorOf } from "../access/actor-of.ts";
import { typedPairingCode } from "../access/pairing-code.ts";
import type { Principal } from "../access/principal.ts";
import { reachedSubject } from "../access/reached-subject.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

/**
 * Pairs the device that shows this code. A user pairs own devices alone. A code that is wrong, has expired, was used,
 * or is shown by somebody else's device is refused alike.
 */
export async function pairDevice(
  { store, bell, pairingTries }: Pick<UseCaseDeps, "store" | "bell" | "pairingTries">,
  principal: Principal,
  { code: typed }: { readonly code: string },
): Promise<{ readonly kind: "paired"; readonly device: PairedDevice } | Refusal> {
  const { tenantId, keyId } = principal;
  const who = JSON.stringify([tenantId, keyId, principal.subject]);
  const tried = pairingTries.take(who);
  if (tried.kind === "refused") {
    const { retryAfterMs } = tried;
    return { ...refuse("too_many_requests", "Too many codes were wrong; wait as Retry-After says."), retryAfterMs };
  }
  const code = typedPairingCode(typed);
  const subject = reachedSubject(principal);
  const device =
    code === null ? null : await store.forTenant(tenantId).pairDevice({ code, subject, by: actorOf(principal) });
  if (device === null) return notFound("device with this code; codes are good for 5 minutes");
  pairingTries.giveBack(who);
  bell.ring({ about: "device", tenantId, deviceKey: device.deviceKey });
  return { kind: "paired", device };
}

import { TIMER_MS_MAX } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { Principal } from "./principal.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** What a connection knows of the credential that opened it: whose it is, and what ends it. */
export type CredentialLife = Pick<Principal, "tenantId" | "expiresAt" | "onRevoked">;

/** Calls back once when the credential expires or is revoked, until the returned function is called. */
export function watchCredential(
  { expiresAt, onRevoked }: Omit<CredentialLife, "tenantId">,
  clock: Pick<Clock, "now" | "after">,
  end: (refusal: Refusal) => void,
): () => void {
  const cancelExpiry =
    expiresAt === undefined
      ? (): void => {}
      : afterLong(clock, expiresAt, () => end(refuse("unauthenticated", "The credential has expired; get a new one.")));
  const cancelRevoked = onRevoked?.(() => end(refuse("unauthenticated", "The credential was revoked; get a new one.")));
  return () => {
    cancelExpiry();
    cancelRevoked?.();
  };
}

/** Calls back at a time, however far it is: a key may live for years. */
function afterLong(clock: Pick<Clock, "now" | "after">, at: number, callback: () => void): () => void {
  let cancel = (): void => {};
  const wait = (): void => {
    const left = Math.max(0, at - clock.now());
    cancel = left > TIMER_MS_MAX ? clock.after(TIMER_MS_MAX, wait) : clock.after(left, callback);
  };
  wait();
  return () => cancel();
}

import type { LookupAddress, LookupOptions } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { TargetRefused } from "../../ports/target-refused.ts";
import { isPublicAddress, plainAddress } from "./is-public-address.ts";
import { isListedTarget, type Target } from "./is-listed-target.ts";

/** Looks a name up, with all of its addresses. */
export type LookupAll = (
  host: string,
  options: LookupOptions & { readonly all: true },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Whether a target may be named at all. A name is let by: its addresses are checked when it is looked up. A proxy looks
 * names up by itself, so `localhost` is what it says.
 */
export function mayBeNamed({ host, port }: Target, allowed: readonly string[]): boolean {
  if (isListedTarget({ host, port }, allowed)) return true;
  const isLocal = host === "localhost" || host.endsWith(".localhost");
  const address = isLocal ? "127.0.0.1" : host;
  return isIP(address) === 0 || isAllowedAddress({ host: address, port }, allowed);
}

/**
 * Returns the look-up of one target. What it returns is what is dialled, so an answer cannot change between check and
 * connection. Addresses that are refused are left out. If none is left, the target is refused.
 */
export function guardedLookup(target: Target, allowed: readonly string[], lookupAll: LookupAll): LookupFunction {
  const isNamed = isListedTarget(target, allowed);
  return (host, options, done) => {
    lookupAll(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, "");
      const open = addresses.filter(
        ({ address }) => isNamed || isAllowedAddress({ host: address, port: target.port }, allowed),
      );
      const [first] = open;
      if (first === undefined) return done(new TargetRefused(), "");
      return options.all === true ? done(null, open) : done(null, first.address, first.family);
    });
  };
}

function isAllowedAddress({ host, port }: Target, allowed: readonly string[]): boolean {
  return isPublicAddress(host) || isListedTarget({ host: plainAddress(host), port }, allowed);
}

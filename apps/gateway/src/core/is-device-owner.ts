/** What of a device decides whose it is. */
export interface OwnedDevice {
  /** The name of the key behind the credential that registered it last; null: nobody noted it. */
  readonly owner: string | null;
  /** `key:` with an id, or `subject:` with a user of the tenant; null: registered before that was kept. */
  readonly ownerId: string | null;
  readonly isPooled: boolean;
}

/**
 * Whether this owner may register the device. `adapters/postgres/statements/devices/register-devices.ts` says the same
 * in SQL.
 *
 * 1. A device of before is known by the name of its key. A user claims only one that was outside of the pool, as
 *    devices of tokens are: one of a key may serve the whole tenant.
 * 2. A key that is revoked or has expired owns nothing any more. The next key may register its device, and no user may.
 */
export function isDeviceOwner(
  device: OwnedDevice,
  asking: { readonly owner: string; readonly ownerId: string; readonly subject: string | null },
  isTaken: (keyId: string) => boolean,
): boolean {
  const { owner, ownerId, isPooled } = device;
  if (ownerId === asking.ownerId) return true;
  if (ownerId === null) return (owner === null || owner === asking.owner) && (asking.subject === null || !isPooled); // 1.
  return ownerId.startsWith("key:") && asking.subject === null && !isTaken(ownerId.slice("key:".length)); // 2.
}

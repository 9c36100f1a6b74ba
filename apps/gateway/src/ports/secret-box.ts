import type { TenantId } from "../core/tenant-id.ts";

/** Whose secret it is. A sealed value opens for these alone. */
interface SecretOwner {
  readonly tenantId: TenantId;
  readonly name: string;
}

/** Encrypts the values of secrets, so that the store never holds one. */
export interface SecretBox {
  /** Returns the sealed value; null if this gateway has no key to seal with. */
  seal(params: SecretOwner & { readonly value: string }): string | null;
  /** Returns the value; null if it was sealed with a key that this gateway does not have, or was changed. */
  open(params: SecretOwner & { readonly sealed: string }): string | null;
}

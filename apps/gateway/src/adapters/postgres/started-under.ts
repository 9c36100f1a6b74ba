/**
 * SQL: whether a run of the tenant was started under this idempotency key by this owner. With `:orUnowned` a run counts
 * too that was started before keys had owners.
 */
export function startedUnder({ key, owner }: { readonly key: string; readonly owner: string }): string {
  return `tenant_id = :tenantId and idempotency_key = ${key}
    and (idempotency_owner = ${owner} or :orUnowned and idempotency_owner is null)`;
}

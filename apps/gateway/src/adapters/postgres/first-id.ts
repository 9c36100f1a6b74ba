/**
 * SQL: the id of a row of the tenant for which the first of these conditions holds, or else the next one. Each is
 * looked up by its own index. For one condition or another Postgres would look at all rows of the tenant.
 */
export function firstId(table: string, conditions: readonly string[]): string {
  const lookUps = conditions.map(
    (condition, nth) => `select id, ${nth} as nth from ${table} where tenant_id = :tenantId and ${condition}`,
  );
  return `(select id from (${lookUps.join(" union all ")}) as found order by nth limit 1)`;
}

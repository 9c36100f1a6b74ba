/**
 * The name of a key or a channel of one run in Redis. It begins with the tenant, so that a role of Redis can be bound
 * to the keys of one tenant: `~run:<tenantId>:*`. The braces put the keys of one run into one slot of a Redis cluster.
 *
 * `tenantId`: of the run; null for what the gateway tries out by itself. `name`: which of the run's keys.
 */
export function runKey(params: {
  readonly tenantId: string | null;
  readonly runId: string;
  readonly name: string;
}): string {
  const { tenantId, runId, name } = params;
  return `run:${tenantId ?? "-"}:{${runId}}:${name}`;
}

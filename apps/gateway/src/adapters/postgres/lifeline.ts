/**
 * The lifeline of a gateway: a session lock on a connection of its own. The kernel closes the sockets of a process that
 * dies, and Postgres then frees the lock, within milliseconds.
 *
 * 1. A free lock alone does not make a gateway dead: a connection may break while its gateway lives. Such a gateway
 *    takes the lock again by its next heartbeat.
 * 2. A row names the start of the server that granted the lock. After a restart or a failover every lock is gone though
 *    no gateway died. The start is another one then.
 * 3. A pooler in between may keep the lock for a dead gateway, or keep a living one from getting it again. In both
 *    cases leases end by time.
 */

/** The first half of the lock's key, which no other lock of this program has. */
const LIFELINES = 1_752_392_033;

/** SQL: takes the lifeline of this gateway unless another session has it. A session keeps it until it ends. */
export function takeLifeline(gatewayId: string): string {
  return `pg_try_advisory_lock(${LIFELINES}, hashtext(${gatewayId}))`;
}

/** SQL: whether no session holds the lifeline of this gateway. It keeps the lock until the statement is over. */
export function isLifelineCut(gatewayId: string): string {
  return `pg_try_advisory_xact_lock(${LIFELINES}, hashtext(${gatewayId}))`;
}

/** SQL: whether this session holds the lifeline of this gateway already. */
export function holdsLifeline(gatewayId: string): string {
  return `exists (
    select from pg_locks
    where locktype = 'advisory' and pid = pg_backend_pid() and granted
      and classid = ${LIFELINES}::oid and objid = (hashtext(${gatewayId})::bigint & 4294967295)::oid and objsubid = 2
  )`;
}

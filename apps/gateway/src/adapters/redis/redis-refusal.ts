/**
 * Codes with which a Redis refuses everything of a kind, whatever the key: it is there and does not serve. Another
 * server may serve under the same name by now, as after a failover.
 */
const REFUSALS: ReadonlySet<string> = new Set([
  // Before a command is looked at.
  "LOADING",
  "NOAUTH",
  "WRONGPASS",
  "NOPERM",
  "BUSY",
  "MASTERDOWN",
  // Writes.
  "READONLY",
  "OOM",
  "MISCONF",
  "NOREPLICAS",
  // Cluster.
  "MOVED",
  "ASK",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "CROSSSLOT",
]);

/** Returns the code with which Redis refuses to serve; null for any other error. */
export function redisRefusal(error: unknown): string | null {
  const [code = ""] = error instanceof Error ? error.message.split(" ", 1) : [];
  return REFUSALS.has(code) ? code : null;
}

/** The server is no single primary, so it would refuse most keys, or all. Waiting does not help. */
export class UnsupportedRedis extends Error {
  override readonly name = "UnsupportedRedis";
}

import type { Clock } from "../../ports/clock.ts";
import type { Finding } from "../../ports/finding.ts";
import { judgeRedis, judgeRedisFailure } from "./judge-redis.ts";
import { REDIS_EXAMINED_MAX_MS, REDIS_HEARD_POLL_MS } from "./limits.ts";
import { clientsFor, type RedisClient } from "./redis-client.ts";
import { RedisProbe } from "./redis-probe.ts";

/**
 * Asks the Redis of `REDIS_URL` for all that a gateway asks of it, and says whether gateways can work with it. A key
 * without meaning stays there for a minute. Never rejects.
 */
export async function examineRedis(url: string, clock: Clock): Promise<Finding> {
  let clients: readonly [RedisClient, RedisClient];
  try {
    const newClient = clientsFor(url);
    clients = [newClient("hsafa-examines"), newClient("hsafa-listens")];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { state: "broken", message, cure: "docs/deploy/redis.md says what REDIS_URL may be." };
  }
  const { hostname, port, protocol } = new URL(url);
  const at = { place: `${hostname}:${port || 6379}`, isTls: protocol === "rediss:" };
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(REDIS_EXAMINED_MAX_MS, () => late.reject(new Error("no answer in time")));
  // An error of a client is also what its connect, or its command, rejects with.
  for (const client of clients) client.on("error", () => {});
  try {
    return judgeRedis(await Promise.race([helloOf(clients, clock), late.promise]), at.place);
  } catch (error) {
    return judgeRedisFailure(error, at);
  } finally {
    cancel();
    for (const client of clients) client.destroy();
  }
}

/** Asks for everything, and returns what the server said of itself. Rejects with what it refuses. */
async function helloOf([commands, listener]: readonly [RedisClient, RedisClient], clock: Clock) {
  const probe = new RedisProbe(clock);
  await Promise.all([commands.connect(), listener.connect()]);
  await probe.greet(commands);
  await probe.listen(listener);
  await probe.write(commands);
  while (probe.isUnheard) {
    await probe.hear(listener);
    await new Promise<void>((resolve) => clock.after(REDIS_HEARD_POLL_MS, resolve));
  }
  // Some proxies and users may not say HELLO, and serve well.
  return asRecord(await commands.sendCommand(["HELLO"]).catch(() => null));
}

/** A reply to HELLO is a list or a map, by the version of the protocol. */
function asRecord(reply: unknown): Readonly<Record<string, unknown>> {
  if (reply instanceof Map) return Object.fromEntries(reply) as Record<string, unknown>;
  if (!Array.isArray(reply)) return typeof reply === "object" && reply !== null ? { ...reply } : {};
  const pairs = reply.flatMap((name: unknown, index) => (index % 2 === 0 ? [[String(name), reply[index + 1]]] : []));
  return Object.fromEntries(pairs) as Record<string, unknown>;
}

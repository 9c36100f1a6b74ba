import { createClient } from "@redis/client";
import { appendRecords } from "./append-records.ts";
import { REDIS_COMMANDS_MAX, REDIS_CONNECT_TIMEOUT_MS } from "./limits.ts";
import { parseRedisAddress, type RedisAddress } from "./redis-address.ts";

export type RedisClient = ReturnType<typeof createTemplate>;

/**
 * Returns a function that makes clients for this address; `name` shows in CLIENT LIST. Throws if the text is no
 * address. Otherwise each attempt to connect would fail on it, for ever. The message does not contain the address,
 * which may hold a password.
 */
export function clientsFor(url: string): (name: string) => RedisClient {
  const address = parseRedisAddress(url);
  let template: RedisClient;
  try {
    template = createTemplate(address);
  } catch {
    throw new Error(
      "the Redis address (REDIS_URL) cannot be read; it looks like redis://user:password@host:6379/0, or rediss:// for TLS",
    );
  }
  // `createClient` builds a class of all commands, which blocks the process for 50 ms. A duplicate does not.
  return (name) => template.duplicate({ name });
}

function createTemplate({ url, tls }: RedisAddress) {
  return createClient({
    url,
    scripts: { appendRecords },
    disableOfflineQueue: true,
    commandsQueueMaxLength: REDIS_COMMANDS_MAX,
    // Off, because an AbortSignal and a timer for each command cost more than the command. `Connection.ask` bounds it.
    commandOptions: { timeout: undefined },
    maintNotifications: "disabled",
    socket: { reconnectStrategy: false, connectTimeout: REDIS_CONNECT_TIMEOUT_MS, ...tls },
  });
}

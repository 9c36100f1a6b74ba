import { createClient } from "redis";
import { REDIS_COMMANDS_MAX, REDIS_CONNECT_TIMEOUT_MS } from "./limits.ts";
import { appendScript } from "./append-script.ts";

export type RedisClient = ReturnType<typeof createTemplate>;

/**
 * Answers a maker of clients for this address, and throws when it is none; here rather than at the first attempt to
 * connect, which would be repeated for ever. The address is not shown: it may hold a password.
 */
export function clientsFor(url: string): (name: string) => RedisClient {
  let template: RedisClient;
  try {
    // node-redis takes an empty address for its default, localhost.
    if (url === "") throw new TypeError("empty");
    template = createTemplate(url);
  } catch {
    throw new Error(
      "the Redis address (REDIS_URL) cannot be read; it looks like redis://user:password@host:6379/0, or rediss:// for TLS",
    );
  }
  // A client made from nothing builds a class of all commands first, which blocks the process for 50 ms; a duplicate
  // does not.
  return (name) => template.duplicate({ name });
}

function createTemplate(url: string) {
  return createClient({
    url,
    scripts: { appendRecords: appendScript },
    disableOfflineQueue: true,
    commandsQueueMaxLength: REDIS_COMMANDS_MAX,
    // Off: an AbortSignal and a timer for every command cost more than the command; `Connection.ask` keeps the time.
    commandOptions: { timeout: undefined },
    maintNotifications: "disabled",
    socket: { reconnectStrategy: false, connectTimeout: REDIS_CONNECT_TIMEOUT_MS },
  });
}

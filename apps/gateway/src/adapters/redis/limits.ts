/** Bounds of `adapters/redis`, each with its unit and the trouble it prevents (R9). */
import type { BackoffBounds } from "../../core/backoff.ts";

/** How long a start waits for Redis before it continues without, in milliseconds. */
export const REDIS_START_WAIT_MAX_MS = 1000;
/** One attempt to connect, greeting included, in milliseconds: a Redis that hangs still accepts sockets. */
export const REDIS_CONNECT_TIMEOUT_MS = 2000;
/** Delays between attempts to connect: soon after a restart, and no busy loop while Redis is away. */
export const REDIS_RECONNECT_BACKOFF: BackoffBounds = { minMs: 50, maxMs: 1000 };
/**
 * From the answer of one probe to the next probe, in milliseconds. A connection that lasted this long is no failure.
 */
export const REDIS_PING_INTERVAL_MS = 1000;
/** The silence after which a connection that looks open is dead, in milliseconds. */
export const REDIS_SILENCE_MAX_MS = 2000;
/** How long the key of a probe stays after the last probe, in milliseconds: a gateway that ends leaves nothing. */
export const REDIS_PROBE_TTL_MS = 60_000;
/** Commands sent and not answered. More are refused at once rather than filling the memory. */
export const REDIS_COMMANDS_MAX = 10_000;
/** Channels in one SUBSCRIBE after a reconnect: Redis serves nobody else meanwhile. */
export const REDIS_CHANNELS_PER_SUBSCRIBE_MAX = 500;

// Examination
/** The oldest major version that serves. */
export const REDIS_VERSION_MIN = 7;
/** How long all of an examination may take, in milliseconds: a person waits for it. */
export const REDIS_EXAMINED_MAX_MS = 5000;
/** How often an examination looks whether what it published was heard, in milliseconds. */
export const REDIS_HEARD_POLL_MS = 20;

/** Bounds of `adapters/redis`, each with its unit and the trouble it prevents (R9). */

// Redis
/** How long a start waits for Redis before it goes on without. */
export const REDIS_START_WAIT_MAX_MS = 1000;
/** An attempt to connect, greeting included: a Redis that hangs still accepts sockets. */
export const REDIS_CONNECT_TIMEOUT_MS = 2000;
/** Between attempts; it doubles up to the second figure. */
export const REDIS_RECONNECT_DELAY_MIN_MS = 50;
export const REDIS_RECONNECT_DELAY_MAX_MS = 1000;
/**
 * A ping this long after the last one was answered, and the silence after which a connection that looks open is dead.
 */
export const REDIS_PING_INTERVAL_MS = 1000;
export const REDIS_SILENCE_MAX_MS = 2000;
/** Commands sent and not answered; more are refused at once rather than filling the memory. */
export const REDIS_COMMANDS_MAX = 10_000;
/** Channels in one SUBSCRIBE after a reconnect: Redis answers nobody else meanwhile. */
export const REDIS_CHANNELS_PER_SUBSCRIBE_MAX = 500;

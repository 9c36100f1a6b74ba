/** Bounds of `follow`, each with its unit and the trouble it prevents (R9). */

import type { BackoffBounds } from "../core/backoff.ts";
import { FLUSH_INTERVAL_MS } from "../ports/limits.ts";

/** Watchers of one run, and of one gateway. Beyond them a client is told to try again. */
export const WATCHERS_PER_RUN_MAX = 5000;
export const WATCHERS_MAX = 20_000;
/**
 * Recent events kept in memory, in bytes. The first bound is for one run, for watchers that come back. The second is
 * for one run while a watcher lags. The third is for all runs. A watcher further behind reads the log at its own pace.
 */
export const FOLLOW_RING_BYTES_MAX = 256 * 1024;
export const FOLLOW_RING_LAGGING_BYTES_MAX = 8 * 1024 * 1024;
export const FOLLOW_RINGS_BYTES_MAX = 64 * 1024 * 1024;
/**
 * Characters of records that came ahead of a gap and wait until it is closed, per run. Beyond them they are dropped,
 * and read again.
 */
export const FOLLOW_EARLY_CHARACTERS_MAX = 256 * 1024;
/** Characters that a record costs beside its payload, about. */
export const RECORD_OVERHEAD_CHARACTERS = 100;
/**
 * Bytes written to a socket at once, so that it can say in time that it is full. A larger event goes in pieces, and is
 * not kept for its rest.
 */
export const WATCHER_WRITE_BYTES_MAX = 64 * 1024;
/**
 * Bytes that a format puts around an event's JSON, about. Batches are cut with room for them, so that a batch is one
 * write in every format.
 */
export const EVENT_FRAMING_BYTES = 32;
/** Empty slots tolerated at the front of a ring's array: moving the array at each eviction would cost its length. */
export const FOLLOW_RING_COMPACT_SLOTS = 1024;
/** How long a full socket may take nothing before its watcher is closed. */
export const WATCHER_STALL_MS = 60_000;
/**
 * Pages that lagging watchers of one gateway hold at once: one each, and the next one if a place is free. The others
 * wait for their turn.
 */
export const FOLLOW_PAGES_MAX = 32;
/** Records in such a page, and how long a full socket may hold one. After that the rest is read again. */
export const FOLLOW_PAGE_RECORDS_MAX = 200;
export const FOLLOW_PAGE_HELD_MS = 1000;
/**
 * How long watchers are fed at a time, and how long this rests then, in milliseconds. However many they are, they take
 * a part of the event loop only.
 */
export const FEED_SLICE_MS = 4;
export const FEED_REST_MS = 6;
/**
 * For how long the first events of a run are kept that began here, in ms: who has started it follows it at once. In
 * characters of one run, and of all.
 */
export const YOUNG_RUN_MS = 5000;
export const YOUNG_RUN_CHARACTERS_MAX = 64 * 1024;
export const YOUNG_RUNS_CHARACTERS_MAX = 8 * 1024 * 1024;
/** How soon the store is asked about a run whose reader was served from memory, in ms. Its first bytes go before. */
export const FOLLOW_LOOK_AFTER_MS = 20;
/** How often followed runs are compared with the store: a lost notification may have nothing after it. */
export const FOLLOW_COMPARE_INTERVAL_MS = 2000;
/** Runs compared in one query. */
export const FOLLOW_COMPARE_RUNS_MAX = 5000;
/** How often that is done while the live log is away, and how many runs then look for deltas each time. */
export const FOLLOW_POLL_INTERVAL_MS = 250;
export const FOLLOW_POLL_RUNS_MAX = 200;
/**
 * The pauses between reads that brought nothing. The first is one flush of deltas at least, since what is missing may
 * be on its way to the store. The longest is how late a store that is back is noticed.
 */
export const FOLLOW_RETRY: BackoffBounds = { minMs: 2 * FLUSH_INTERVAL_MS, maxMs: 2000 };
/** How long a run stays followed without a watcher, since an EventSource comes back; and how many such runs may be. */
export const FOLLOW_LINGER_MS = 5000;
export const FOLLOW_LINGERING_MAX = 1000;

// Generations of the store
/**
 * How often a request looks again because the store was in another generation. A store does not go back all the time.
 */
export const FOLLOW_GENERATIONS_MAX = 4;
/** Above every delta of a fact: a position has nine digits. */
export const SUB_MAX = 999_999_999;
/** Who follows a thread on one gateway, all tenants together. Each has a share, and is told to try again beyond it. */
export const THREAD_FOLLOWERS_MAX = 50_000;
/** How often the newest runs of followed threads are read without a ring, in milliseconds: a lost ring costs that. */
export const THREADS_COMPARED_EVERY_MS = 2000;
/** Threads in one read: one of all would hold a connection to the store for long. */
export const THREADS_PER_READ_MAX = 5000;

import type { BackoffBounds } from "../core/backoff.ts";
import { FLUSH_INTERVAL_MS } from "../ports/limits.ts";

/** Bounds of `follow`, each with its unit and the trouble it prevents (R9). */

// Following
/** Watchers of one run and of one gateway: a newcomer beyond them is told to try again. */
export const WATCHERS_PER_RUN_MAX = 5000;
export const WATCHERS_MAX = 20_000;
/**
 * Recent events kept in memory, in bytes: of one run, for watchers that come back; of one run while a watcher lags; and
 * of all runs. A watcher further behind reads the log at its own pace.
 */
export const FOLLOW_RING_BYTES_MAX = 256 * 1024;
export const FOLLOW_RING_LAGGING_BYTES_MAX = 8 * 1024 * 1024;
export const FOLLOW_RINGS_BYTES_MAX = 64 * 1024 * 1024;
/**
 * Characters of records that arrived ahead of a gap and wait until it is closed, per run: beyond them they are read
 * again instead. The overhead is what a record costs beside its payload, about.
 */
export const FOLLOW_EARLY_CHARACTERS_MAX = 256 * 1024;
export const RECORD_OVERHEAD_CHARACTERS = 100;
/**
 * Bytes handed to a socket in one write, so that it can say in time that it is full: a larger event goes in pieces, and
 * is not kept for its rest.
 */
export const WATCHER_WRITE_BYTES_MAX = 64 * 1024;
/**
 * Bytes that a format puts around an event's JSON, about: batches are cut with room for them, so that a batch in any
 * format is one write.
 */
export const EVENT_FRAMING_BYTES = 32;
/** Evicted slots tolerated at the front of a ring's array before the array is moved. */
export const FOLLOW_RING_COMPACT_SLOTS = 1024;
/** How long a full socket may take nothing before its watcher is closed. */
export const WATCHER_STALL_MS = 60_000;
/** Pages that lagging watchers of one gateway have in hand at once; the others wait for their turn. */
export const FOLLOW_PAGES_MAX = 32;
/**
 * Records in such a page, and how long a full socket may keep one: after that the rest is read again when there is
 * room.
 */
export const FOLLOW_PAGE_RECORDS_MAX = 200;
export const FOLLOW_PAGE_HELD_MS = 1000;
/**
 * How often the last seq of all watched runs is compared with the store: a lost notification may have nothing after it.
 */
export const FOLLOW_COMPARE_INTERVAL_MS = 2000;
/** Runs compared in one query. */
export const FOLLOW_COMPARE_RUNS_MAX = 5000;
/** While the live log is away, watched runs are looked up in the store this often, so many at a time for deltas. */
export const FOLLOW_POLL_INTERVAL_MS = 250;
export const FOLLOW_POLL_RUNS_MAX = 200;
/**
 * The pauses between reads that brought nothing. The first is one flush of deltas at least, since what is missing may
 * be on its way to the store. The longest is how late a store that is back is noticed.
 */
export const FOLLOW_RETRY: BackoffBounds = { minMs: 2 * FLUSH_INTERVAL_MS, maxMs: 2000 };
/**
 * How long a run stays followed after its last watcher went, since an EventSource comes back; and how many such runs
 * there may be.
 */
export const FOLLOW_LINGER_MS = 5000;
export const FOLLOW_LINGERING_MAX = 1000;

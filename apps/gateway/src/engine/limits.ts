/** Bounds of `engine`, each with its unit and the trouble it prevents (R9). */
import type { BackoffBounds } from "../core/backoff.ts";

// Runs
/**
 * Runs on their last chance (one more lost lease ends them) that one gateway takes on at a time: a run that kills its
 * gateways has by then been lost beside many, none of which it shall take with it. And for how long such a run keeps
 * the others waiting that gets no further and yet kills nobody.
 */
export const LAST_CHANCES_MAX = 1;
export const LAST_CHANCE_WATCH_MS = 60_000;

// The engine
/** Runs one gateway holds at once: each costs memory and a share of every renewal. */
export const RUNS_HELD_MAX = 1000;
/** Runs taken by one claim: enough to fill up fast, few enough that the gateways beside it get theirs. */
export const CLAIM_BATCH_MAX = 64;
/**
 * How long a claim whose answer was lost may have been on its way: until then it is looked for at every beat. Longer
 * than any statement may take on both sides.
 */
export const CLAIM_DOUBT_MS = 30_000;
/** How long a due run waits when its ring was lost. */
export const CLAIM_POLL_MS = 1000;
/**
 * The least pause after a claim that found nothing: others are taking what was due or rung for. It grows with what a
 * claim costs, up to the second bound.
 */
export const CLAIM_PAUSE_MS = 20;
export const CLAIM_REST_MAX_MS = 200;
/**
 * How often a gateway says that it lives, and after what silence it is taken for gone: the first with a cut lifeline,
 * which one whose connection broke ties again within a beat; the second whatever its lifeline says.
 */
export const GATEWAY_BEAT_MS = 500;
export const GATEWAY_SILENCE_MS = 1000;
/**
 * How long a gateway that shares its store looks on before it takes anything from others, half a lease at most: the
 * store may have been away until now, and they have yet to come back to it.
 */
export const BOOT_LOOK_MS = 3000;
/**
 * How long steps in progress may finish when their gateway closes, before they are handed over; and how long a close
 * may take in all.
 */
export const DRAIN_MS = 5000;
/** How often a gateway mends what no event will. */
export const SWEEP_INTERVAL_MS = 5000;
/** The delays before a statement is sent again that found the store away. */
export const STORE_RETRY: BackoffBounds = { minMs: 50, maxMs: 1000 };

// Deltas on their way
/** One batch: rows (PGlite stalls the process for 40 µs a row), and characters of payload. */
export const DELTA_BATCH_ROWS_MAX = 500;
export const DELTA_BATCH_CHARACTERS_MAX = 1024 * 1024;
/**
 * Characters of payload that Postgres has not acknowledged, over all runs of a gateway: above it models are asked to
 * pause.
 */
export const DELTA_BACKLOG_CHARACTERS_MAX = 64 * 1024 * 1024;
/** What gathers for one run while its write to the live log is in flight, before its model is asked to pause. */
export const GATHERED_FRAGMENTS_MAX = 1024;
export const GATHERED_CHARACTERS_MAX = 256 * 1024;
/**
 * A run with more deltas than this that Postgres does not hold speaks faster than anybody reads: its deltas gather this
 * long, whole rather than token by token.
 */
export const COALESCE_ABOVE_ROWS = 128;
export const COALESCE_MS = 5;
/** Text of one merged delta, in characters: a watcher is served in pieces it can show. */
export const DELTA_TEXT_CHARACTERS_MAX = 16 * 1024;

/** Bounds of `engine`, each with its unit and the trouble it prevents (R9). */
import type { BackoffBounds } from "../core/backoff.ts";
import { LOADED_FACTS_BYTES_MAX } from "../ports/limits.ts";

// Runs
/**
 * Runs on their last chance that one gateway holds at a time: one more lost lease ends such a run. A run that kills its
 * gateways was lost beside many others, and must not take them with it.
 */
export const LAST_CHANCES_MAX = 1;
/** How long a run on its last chance keeps the others waiting, in ms, if it gets no further and kills nobody. */
export const LAST_CHANCE_WATCH_MS = 60_000;

/**
 * How long a run waits before it is given up for lost leases, in lease times. A gateway that another run has stalled
 * goes on meanwhile as a rule, and forgives what that has cost. A stall of three lease times is over by then.
 */
export const REPRIEVE_LEASES = 3;

/**
 * How long a holder repeats a statement that the store refuses while it answers others, in lease times. Longer than any
 * fail-over of a database takes.
 */
export const OWN_TROUBLE_LEASES = 4;
/** Refusals of such a statement, at the least: each may take as long as a statement may. */
export const OWN_REFUSALS_MIN = 3;

/**
 * The longest that a holder waits for a deadline before it looks again, in ms: a day. A timer of Node that is to wait
 * for more than 24 days fires at once.
 */
export const LOOK_AGAIN_MS_MAX = 24 * 3600 * 1000;

// The engine
/** Runs that one gateway holds at once: each costs memory and a share of every renewal. */
export const RUNS_HELD_MAX = 1000;
/**
 * Bytes of records and threads that all runs held by one gateway have together, beyond what each may have anyway. In
 * memory they take two to four times as much.
 */
export const HELD_BYTES_MAX = 256 * 1024 * 1024;
/** What each run may have of them without asking, in bytes. */
export const RUN_BYTES_FREE = LOADED_FACTS_BYTES_MAX;
/** Room that a run takes before it reads a page, in bytes: a megabyte, and a last fact that may have another. */
export const PAGE_ROOM_BYTES = 2 * 1024 * 1024;
/** How long a run waits for room, in ms, before it gives its lease back. Others wait for what it has meanwhile. */
export const ROOM_WAIT_MS = 10_000;
/** Parked runs that a gateway remembers. Each saves the reading of a run whose call is answered here. */
export const PARKED_RUNS_MAX = 1000;
/** Bytes of their records, all together. In memory they take two to four times as much. */
export const PARKED_BYTES_MAX = 16 * 1024 * 1024;
/** Runs taken by one claim: enough to fill up fast, few enough that other gateways get their share. */
export const CLAIM_BATCH_MAX = 64;
/**
 * How long a claim whose answer was lost may be on its way to the store, in ms. Until then it is returned at every
 * renewal. Longer than a statement may take on both sides together.
 */
export const CLAIM_IN_FLIGHT_MAX_MS = 30_000;
/** How long a due run waits if its ring was lost, in ms. */
export const CLAIM_POLL_MS = 1000;
/**
 * The rest after a claim that took nothing, in ms: others are taking what is due. It grows with what a claim costs, so
 * that many rings do not load a slow store.
 */
export const CLAIM_REST_MIN_MS = 20;
export const CLAIM_REST_MAX_MS = 200;
/** The time between two looks whether the event loop goes, in ms: fine enough to tell whose code kept it. */
export const STALL_WATCH_INTERVAL_MS = 100;
/** The time between two heartbeats of a gateway, in ms. Two fit into `GATEWAY_SILENCE_MS`, so one may be late. */
export const GATEWAY_HEARTBEAT_INTERVAL_MS = 500;
/** The delay after a heartbeat that failed: no longer than the interval. */
export const GATEWAY_HEARTBEAT_RETRY: BackoffBounds = {
  minMs: GATEWAY_HEARTBEAT_INTERVAL_MS,
  maxMs: GATEWAY_HEARTBEAT_INTERVAL_MS,
};
/** How often a gateway says what it has in hand, in ms: people read it, and nothing rests on it. */
export const GATEWAY_REPORT_INTERVAL_MS = 5000;
/** The delay after a report that failed. */
export const GATEWAY_REPORT_RETRY: BackoffBounds = { minMs: GATEWAY_REPORT_INTERVAL_MS, maxMs: 60_000 };
/** Troubles that a report names. */
export const TROUBLES_REPORTED_MAX = 8;
/**
 * After this silence a gateway with a cut lifeline is taken for dead, in ms. A gateway that only lost its connection
 * ties its lifeline again by its next heartbeat. Without a cut lifeline `GATEWAY_TIMEOUT_MS` counts.
 */
export const GATEWAY_SILENCE_MS = 1000;
/**
 * How long a gateway that shares its store judges nobody after its start, in ms; half a lease at most. The store may
 * have been away until now, and the others have yet to come back to it.
 */
export const BOOT_GRACE_MS = 3000;
/** How long steps in progress may finish when their gateway stops, in ms, before they are handed over. */
export const DRAIN_MS = 5000;
/** How often a gateway mends what no event will, in ms, about. */
export const SWEEP_INTERVAL_MS = 5000;
/** The delays before a sweep that failed is done again. */
export const SWEEP_RETRY: BackoffBounds = { minMs: 500, maxMs: SWEEP_INTERVAL_MS };
/** The delays before a statement is sent again that found the store away. */
export const STORE_RETRY: BackoffBounds = { minMs: 50, maxMs: 1000 };

// Deltas on their way
/** Rows of one batch: PGlite stalls the process for 40 µs a row. */
export const DELTA_BATCH_ROWS_MAX = 500;
/** Characters of payload in one batch, so that a statement stays small. A single larger row goes alone. */
export const DELTA_BATCH_CHARACTERS_MAX = 1024 * 1024;
/**
 * Characters of payload, over all runs of a gateway, that Postgres is not known to hold. Above it models are asked to
 * pause, so that memory stays bounded while Postgres is away.
 */
export const DELTA_BACKLOG_CHARACTERS_MAX = 64 * 1024 * 1024;
/** Fragments that gather for one run while its write to the live log is in flight, before its model must pause. */
export const GATHERED_FRAGMENTS_MAX = 1024;
/** The same in characters of text. */
export const GATHERED_CHARACTERS_MAX = 256 * 1024;
/** Deltas of one run that Postgres does not hold. With more of them it speaks faster than anybody reads. */
export const COALESCE_ABOVE_ROWS = 128;
/** How long the deltas of such a run gather before each write to the live log, in ms. */
export const COALESCE_MS = 5;
/** Text of one merged delta, in characters: a watcher gets pieces that it can show. */
export const DELTA_TEXT_CHARACTERS_MAX = 16 * 1024;

// Files
/**
 * Bytes of files that all steps of a gateway show their models at once. Each is there as Base64 until its step ends.
 * For a moment it is also in the text of a request, and in its bytes: about four times as much as the file.
 */
export const FILE_BYTES_IN_HAND_MAX = 128 * 1024 * 1024;

/** Bounds of `ports`, each with its unit and the trouble it prevents (R9). */

// Runs
/** Inputs that one read of an inbox returns, and that one decision takes account of. */
export const INPUTS_PER_DRAIN_MAX = 200;
/**
 * Inputs a run may have waiting. Beyond it a sender is told to slow down, so that a flood costs a bounded number of
 * rows.
 */
export const INBOX_MAX = 1000;
/**
 * Bytes of JSON that may wait in the inbox of a run. Beyond it a sender is told to slow down. The largest body fits
 * many times, and some results of the largest size fit beside it.
 */
export const INBOX_BYTES_MAX = 8 * 1024 * 1024;
/**
 * Bytes of JSON of all messages that a run takes in its life: half of what its record may have. So nobody who may only
 * send messages fills the record, which would end the run.
 */
export const RUN_MESSAGES_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Bytes of JSON after which one read of an inbox ends. The input that reaches it is read, so a larger one goes alone. A
 * round becomes one commit, and the store keeps an answer and a commit of this size without trouble.
 */
export const INBOX_READ_BYTES_MAX = 1024 * 1024;
/** Places beyond `INBOX_MAX` that only a cancel may take, so that a flooded run can still be ended. */
export const INBOX_CANCELS_MAX = 16;
/** Ended runs of a thread that a new run sees, the newest ones. */
export const THREAD_HISTORY_RUNS_MAX = 100;

/**
 * Places of a gateway that a tenant may hold for each one that is free: for runs, and for connections. A tenant alone
 * gets three quarters of them, and the rest stays free for others. Of many greedy tenants each gets the same, and one
 * in three such parts stays free.
 */
export const PLACES_PER_FREE_PLACE = 3;

// Usage
/** Changes of usage added up by one statement: it must not hold a connection for long. A later one takes the rest. */
export const USAGE_CHANGES_FOLDED_MAX = 20_000;

// Reading
/** Bytes of facts that come with a loaded run: the whole record of most runs. The rest is read in pages. */
export const LOADED_FACTS_BYTES_MAX = 256 * 1024;
/**
 * Bytes of facts after which one read of earlier runs ends. The run that reaches it is read, so a larger one goes
 * alone. Most threads fit into one read.
 */
export const HISTORY_READ_BYTES_MAX = 1024 * 1024;
/** Events in one page read from the store. */
export const EVENTS_PAGE_MAX = 500;
/** Payload bytes in one page of events, so that a page fits into memory many times. One larger event goes alone. */
export const EVENTS_PAGE_BYTES_MAX = 1024 * 1024;
/**
 * Bytes of metadata, outputs, configs, tools, arguments and results on one page of a list. The page ends with the item
 * that reaches it, so that one larger item goes alone.
 */
export const PAGE_BYTES_MAX = 1024 * 1024;
/** Runs whose metadata is looked at for one page of a search. It has 64 KiB at most, and mostly some hundred bytes. */
export const SEARCHED_RUNS_MAX = 500;
/** Sessions shown with one device, the newest ones. */
export const SESSIONS_PER_DEVICE_SHOWN = 20;

// Devices
/** Calls in hand on one device: for a device that does not say how many it takes, and the most that one may say. */
export const DEVICE_IN_FLIGHT_MAX = 64;
/** Devices of one tenant that may await their pairing at once: a code among them is hard to guess. */
export const PAIRINGS_PENDING_MAX = 100;
/** Devices that are weighed for one call which any may take: those with the fewest in hand. */
export const CANDIDATES_PER_CALL_MAX = 64;
/** Calls listed for one session that its device may take. It cannot use more than it can have in hand. */
export const OPEN_CALLS_PER_SESSION_MAX = 64;
/**
 * Calls listed for one session that its device was sent. No call in hand may be missing. The bound is twice as many as
 * can be in hand: calls may have been on their way to a connection that another replaced.
 */
export const SENT_CALLS_PER_SESSION_MAX = 2 * DEVICE_IN_FLIGHT_MAX;

// The live log
/** How long a write to the live log may take, in ms. After that watchers get the events by way of Postgres. */
export const LIVE_LOG_TIMEOUT_MS = 250;
/** Records that the live log keeps of a run, about. */
export const LIVE_LOG_RECORDS_MAX = 4096;
/** How long the live log keeps a run after its last write, in ms. */
export const LIVE_LOG_TTL_MS = 60 * 60_000;

// The engine
/** After this silence a gateway is taken for gone, in ms, whatever its lifeline says. */
export const GATEWAY_TIMEOUT_MS = 10_000;

// Deltas on their way
/** How long deltas gather before they go to Postgres in one batch, in ms. */
export const FLUSH_INTERVAL_MS = 50;

// Secrets
/** Secrets of one tenant: more than its tools have services. */
export const SECRETS_PER_TENANT_MAX = 200;

// Files
/**
 * Bytes of one chunk of a file, the last one apart. A writer or reader of a file holds one or two of them. A statement
 * and a request carry a chunk without trouble.
 */
export const FILE_CHUNK_BYTES = 1024 * 1024;
/** How long an upload has until it must be stored, in ms: longer than its request may take. Then it is removed. */
export const FILE_UPLOAD_KEPT_MS = 10 * 60_000;
/** How long a file is kept that no run uses, in ms, after it was stored or named last. */
export const FILE_UNUSED_KEPT_MS = 24 * 3600_000;
/** How often a sweep looks whether a file is still used, in ms: a file outlives its last run by that at most. */
export const FILE_LOOK_MS = 24 * 3600_000;
/** Files that one sweep takes for removal, and how long it has for them, in ms. Then another sweep takes them. */
export const FILES_REMOVED_PER_SWEEP_MAX = 50;
export const FILE_REMOVAL_MS = 10 * 60_000;
/** Bytes for which a file counts in a tenant's `storedBytes` at least: its row costs too. A trigger counts them. */
export const FILE_BYTES_COUNTED_MIN = 4096;
/** Runs that are looked through for one that a principal may see, of those that use a file: the newest ones. */
export const FILE_RUNS_SHOWN_MAX = 100;
/** The same for branches that show such a run: the newest ones. */
export const FILE_BRANCHES_SHOWN_MAX = 100;

// Audit
/** Bytes of an entry of the audit log, as JSON. The bounds of names keep entries far below. A check of the database. */
export const AUDIT_ENTRY_BYTES_MAX = 4096;
/** Bytes for which an entry counts in a tenant's `storedBytes`, whatever its size. A trigger counts them. */
export const AUDIT_ENTRY_BYTES_COUNTED = 1024;

// The store
/** Rows of one kind that one sweep mends. The rest waits for the next. */
export const SWEEP_ROWS_MAX = 1000;
/** How long a deleted thread and its runs are kept, in ms. So watchers of its runs hear of their ends. */
export const DELETED_THREAD_KEPT_MS = 10 * 60_000;
/** Runs of deleted threads that one sweep removes. Each may have tens of thousands of events. */
export const REMOVED_RUNS_PER_SWEEP_MAX = 20;
/** Threads that a branch goes back over. Each adds a place to look for its history. */
export const THREAD_ANCESTORS_MAX = 32;
/** How long a deleted device is remembered, in ms. By then every gateway has told its connection. */
export const DELETED_DEVICE_KEPT_MS = 24 * 3600_000;
/**
 * How long the lease of a gateway is remembered after its end, in ms. A statement that may cover a run takes less. So
 * no run is covered by a lease that is not there.
 */
export const LAPSED_LEASE_KEPT_MS = 60_000;
/** How long a gateway is remembered after its last heartbeat, in ms. */
export const GATEWAY_KEPT_MS = 24 * 3600_000;

// Keys
/** How long a revoked key is listed, in ms. Then its row goes. */
export const REVOKED_KEY_KEPT_MS = 90 * 24 * 3_600_000;
/** How coarsely the last use of a key is kept, in ms: each write costs a row of the store. */
export const KEY_USE_COARSE_MS = 60_000;
/** How long a revocation is kept, in ms: an hour longer than the longest life of a token. */
export const REVOCATION_KEPT_MS = 25 * 3_600_000;
/** Keys of one tenant, those that were revoked within `REVOCATION_KEPT_MS` included: gateways remember these. */
export const KEYS_PER_TENANT_MAX = 1000;
/** Revocations kept for one tenant, without those of keys: every gateway remembers them, in about 200 bytes each. */
export const REVOCATIONS_PER_TENANT_MAX = 1000;
/** Revocations in one read. */
export const REVOCATIONS_PAGE_MAX = 500;

// The fleet

/** Runs that are due for longest, of which the operator is told. */
export const DUE_RUNS_SHOWN = 5;
/** Runs that are counted as due: a queue that is longer is told as this long. */
export const DUE_RUNS_COUNTED_MAX = 10_000;

/** R9: every loop, queue, buffer and payload has its bound here, with its unit and the trouble it prevents. */

// Payloads
/** A request body: large enough for a long conversation, small enough that a thousand at once fit in memory. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** Nesting of JSON at the door: `JSON.stringify` overflows the stack where `JSON.parse` does not. */
export const JSON_DEPTH_MAX = 64;
/** A tool's result, wherever it comes from. */
export const TOOL_RESULT_BYTES_MAX = 256 * 1024;
/** Tool calls of one step: above it the step fails rather than flooding devices. */
export const TOOL_CALLS_PER_STEP_MAX = 128;
/** What one step may say in all, in characters: a model that never stops must not fill the memory. */
export const STEP_CHARACTERS_MAX = 4 * 1024 * 1024;
/** What a failure of a model or a tool may quote, in characters: enough for a person, too little to flood an event. */
export const FAILURE_MESSAGE_CHARACTERS_MAX = 1000;

// Runs
/** Inputs drained into one decision. */
export const INPUTS_PER_DRAIN_MAX = 200;
/** Inputs a run may have waiting: beyond it whoever sends is told to slow down, unless it is the one cancel. */
export const INBOX_MAX = 1000;
/** Ended runs of a thread that a new run sees. */
export const THREAD_HISTORY_RUNS_MAX = 100;
/** How long a call may await an approval: 24 hours. */
export const APPROVAL_TIMEOUT_MS = 24 * 3600 * 1000;
/** Claims of a run without progress before it is given up. */
export const RECOVERIES_MAX = 3;
/**
 * Runs on their last chance (one more lost lease ends them) that one gateway takes on at a time: a run that kills its
 * gateways has by then been lost beside many, none of which it shall take with it. And for how long such a run keeps
 * the others waiting that gets no further and yet kills nobody.
 */
export const LAST_CHANCES_MAX = 1;
export const LAST_CHANCE_WATCH_MS = 60_000;

// Retries of the model
export const RETRY_BASE_MS = 500;
export const RETRY_MAX_MS = 30_000;
/** The longest `retry-after` that is obeyed; a provider that asks for more ends the run. */
export const RETRY_AFTER_MAX_MS = 10 * 60_000;

// JSON Schemas of tools
/** One schema, in characters of JSON: compiled, it takes some ten times that. */
export const SCHEMA_CHARACTERS_MAX = 128 * 1024;
/** Compiled schemas kept. */
export const SCHEMAS_CACHED_MAX = 500;
/** Compiling a schema or checking a value against it: a schema can ask for exponential work in a few lines. */
export const SCHEMA_TIME_MAX_MS = 1000;

// HTTP tools
/** Redirects followed in one call. */
export const HTTP_TOOL_REDIRECTS_MAX = 5;

// The demo provider
/** Failures on demand whose count is remembered: the oldest count starts again. */
export const DEMO_FAILURES_COUNTED_MAX = 1000;
/** Repetitions in one `repeat` of a script. */
export const DEMO_REPEAT_MAX = 100_000;
/** Parts played without a pause before the event loop gets its turn. */
export const DEMO_PARTS_PER_TURN = 64;

// Reading
/** Events in one page read from the store, and their payload bytes. */
export const EVENTS_PAGE_MAX = 500;
export const EVENTS_PAGE_BYTES_MAX = 1024 * 1024;
export const SESSIONS_PER_DEVICE_SHOWN = 20;
/** Runs of a thread whose facts are in memory at once while its messages are read. */
export const THREAD_RUNS_PER_READ = 10;

// Devices
/** Calls in hand on one device when it does not say how many it can take, and at most, whatever it says. */
export const DEVICE_IN_FLIGHT_DEFAULT = 16;
export const DEVICE_IN_FLIGHT_MAX = 64;
/** Calls listed for one session that its device does not have: more than it has hands for are of no use to it. */
export const OPEN_CALLS_PER_SESSION_MAX = 64;
/**
 * And those that it was sent, what it has in hand before what it has forgotten. None in hand may be missing: twice as
 * many as there can be leaves room for what was on its way to a connection while another replaced it.
 */
export const SENT_CALLS_PER_SESSION_MAX = 2 * DEVICE_IN_FLIGHT_MAX;
/** A message before authentication, and after: a stranger gets little room. */
export const DEVICE_REGISTER_BYTES_MAX = 64 * 1024;
export const DEVICE_MESSAGE_BYTES_MAX = 1024 * 1024;
/** How long a connection may stay silent before it has registered. */
export const DEVICE_REGISTER_TIMEOUT_MS = 10_000;
/** How often a device is pinged, and how long it may stay unheard before it is dropped. */
export const DEVICE_HEARTBEAT_MS = 10_000;
export const DEVICE_UNHEARD_MAX_MS = 20_000;
/** How often the calls of all sessions are read although nobody rang: a lost ring costs a second. */
export const DEVICE_POLL_MS = 1000;
/** Messages of one session waiting to be handled, and their bytes, before its socket is paused. */
export const DEVICE_MESSAGES_QUEUED_MAX = 16;
export const DEVICE_QUEUED_BYTES_MAX = 2 * DEVICE_MESSAGE_BYTES_MAX;
/** Bytes waiting to be written to one device: above it the device does not read, and is dropped. */
export const DEVICE_UNSENT_BYTES_MAX = 8 * 1024 * 1024;
/** Messages that are not this protocol before a registered device is closed. */
export const DEVICE_FAULTS_MAX = 20;
/** Progress is for people to look at: more or larger of it than this is left out. */
export const DEVICE_PROGRESS_PER_SECOND_MAX = 20;
export const DEVICE_PROGRESS_BYTES_MAX = 16 * 1024;
/** Device sockets of one gateway, and sessions in one read of their calls. */
export const DEVICE_SOCKETS_MAX = 10_000;
export const DEVICE_SESSIONS_PER_READ_MAX = 1000;
/** How long a closing WebSocket waits for the other side before it is cut. */
export const SOCKET_CLOSE_TIMEOUT_MS = 2000;

// The live log
/** A write that takes longer is given up for the Postgres path. */
export const LIVE_LOG_TIMEOUT_MS = 250;
/** Records kept per run, about; and how long after the last write. */
export const LIVE_LOG_RECORDS_MAX = 4096;
export const LIVE_LOG_TTL_MS = 60 * 60_000;
/**
 * In process there is no `maxmemory` to save the gateway: runs remembered, and characters of payload over all of them
 * (128 MiB at most).
 */
export const MEMORY_LIVE_LOG_RUNS_MAX = 2000;
export const MEMORY_LIVE_LOG_CHARACTERS_MAX = 64 * 1024 * 1024;

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
export const GATEWAY_TIMEOUT_MS = 10_000;
/**
 * How long a gateway that shares its store looks on before it takes anything from others, half a lease at most: the
 * store may have been away until now, and they have yet to come back to it.
 */
export const BOOT_LOOK_MS = 3000;
/** How long a start without Redis looks whether another gateway beats: a busy one may miss a beat or two. */
export const SECOND_GATEWAY_LOOK_MS = 4000;
/**
 * How long steps in progress may finish when their gateway closes, before they are handed over; and how long a close
 * may take in all.
 */
export const DRAIN_MS = 5000;
export const CLOSE_TIMEOUT_MS = 20_000;
/** How often a gateway mends what no event will. */
export const SWEEP_INTERVAL_MS = 5000;
/** Pauses before a statement is repeated that found the store away. */
export const STORE_RETRY_MIN_MS = 50;
export const STORE_RETRY_MAX_MS = 1000;

// Deltas on their way
/** How long deltas gather before they go to Postgres in one batch. */
export const FLUSH_INTERVAL_MS = 50;
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

// The HTTP edge
/** A bearer credential, in characters: no key or token of ours comes near it. */
export const CREDENTIAL_CHARACTERS_MAX = 8192;
/** API keys remembered by a gateway, and for how long: a revoked key lives on that long at most. */
export const API_KEY_CACHE_MAX = 1000;
export const API_KEY_CACHE_TTL_MS = 10_000;
/** An `Idempotency-Key`, in characters. */
export const IDEMPOTENCY_KEY_CHARACTERS_MAX = 255;
/** An id, a name or a thread's key in a path, in characters: a key of 200 may be percent-encoded. */
export const PATH_PARAMETER_CHARACTERS_MAX = 2400;
/** Faults listed in one problem document: a body wrong all over must not answer with more than it sent. */
export const PROBLEM_ERRORS_MAX = 50;
/** Of a fault's path, in characters: the names of fields in it are the client's own. */
export const PROBLEM_PATH_CHARACTERS_MAX = 200;
/**
 * Bytes of a refused body that are still read (and dropped), so that the client reads the answer instead of a reset.
 */
export const REFUSED_BODY_BYTES_MAX = 32 * 1024 * 1024;
/** How long a request's head and body may take to arrive: a trickling client must not hold a connection for ever. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** What `Retry-After` says while the store is away, in seconds. */
export const UNAVAILABLE_RETRY_AFTER_S = 1;

// Following
/** Watchers of one run and of one gateway: a newcomer beyond them is told to try again. */
export const WATCHERS_PER_RUN_MAX = 5000;
export const WATCHERS_MAX = 20_000;
/**
 * Recent events kept in memory per followed run, for who comes back and for who lags, and over all runs, in bytes:
 * whoever is further behind reads the log at its own pace.
 */
export const FOLLOW_RING_BYTES_MAX = 256 * 1024;
export const FOLLOW_RING_LAGGING_BYTES_MAX = 8 * 1024 * 1024;
export const FOLLOW_RINGS_BYTES_MAX = 64 * 1024 * 1024;
/**
 * Characters of records that arrived ahead of a gap and wait until it is healed, per run: beyond them they are read
 * again instead.
 */
export const FOLLOW_EARLY_CHARACTERS_MAX = 256 * 1024;
/**
 * Bytes handed to a socket in one write, so that it can say in time that it is full: a larger event goes in pieces, and
 * is not kept for its rest.
 */
export const WATCHER_WRITE_BYTES_MAX = 64 * 1024;
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
 * The longest wait between reads that did not close a gap (the first is one flush of deltas): how late a store that is
 * back is noticed.
 */
export const FOLLOW_RETRY_MAX_MS = 2000;
/**
 * How long a run stays followed after its last watcher went, since an EventSource comes back; and how many such runs
 * there may be.
 */
export const FOLLOW_LINGER_MS = 5000;
export const FOLLOW_LINGERING_MAX = 1000;

// Watching, over HTTP and WebSocket
/** How often a stream says that it lives when nothing else does. */
export const STREAM_HEARTBEAT_MS = 15_000;
/** How long a client waits before it comes back: after a cut, and when the gateway says that it goes. */
export const STREAM_RETRY_MS = 1000;
export const STREAM_RETRY_GOING_AWAY_MS = 100;
/** Watch sockets of one gateway, and runs followed on one of them. */
export const WATCH_SOCKETS_MAX = 10_000;
export const WATCH_RUNS_PER_SOCKET_MAX = 100;
/** A message of a watch socket: a token and little more. */
export const WATCH_MESSAGE_BYTES_MAX = 16 * 1024;
/** Messages waiting to be handled before the socket is paused. */
export const WATCH_MESSAGES_QUEUED_MAX = 16;
/** How long a watch socket may stay silent before it has authenticated. */
export const WATCH_AUTH_TIMEOUT_MS = 10_000;
/** How often it is pinged, and how long one that reads what it is sent may stay unheard. */
export const WATCH_HEARTBEAT_MS = 10_000;
export const WATCH_UNHEARD_MAX_MS = 30_000;
/** Bytes waiting to be written above which it is full: its runs wait, each after one more write at most. */
export const WATCH_UNSENT_BYTES_MAX = 256 * 1024;
/** Messages that are not this protocol before it is closed. */
export const WATCH_FAULTS_MAX = 20;

// The store
/**
 * Connections of one gateway to Postgres: a few dozen gateways fit under a server's usual hundreds, and statements are
 * short.
 */
export const STORE_CONNECTIONS_DEFAULT = 10;
/** Waiting for a connection, a new one or a free one; past this the store is away. */
export const STORE_CONNECT_TIMEOUT_MS = 3000;
/**
 * How long Postgres works on one statement; and how long we wait for its answer before the connection counts as broken.
 */
export const STORE_STATEMENT_TIMEOUT_MS = 10_000;
export const STORE_ANSWER_TIMEOUT_MS = 12_000;
/**
 * The same for beats and renewals: a connection that fell silent must be given up while there is time to renew over
 * another, a third of a lease after the last time.
 */
export const STORE_PULSE_TIMEOUT_MS = 2000;
/** A migration of a large table may take its time. */
export const STORE_SCRIPT_TIMEOUT_MS = 3600_000;
/** Taking over the lock of a dead process takes milliseconds; what is older was given up half-way. */
export const LOCK_TAKEOVER_MAX_MS = 10_000;
/** Tenants that one claim goes round, twice: after the one served last, and from the first. */
export const CLAIM_TENANTS_MAX = 64;
/** Things one sweep mends; the rest waits for the next. */
export const SWEEP_ROWS_MAX = 1000;
/** How long a gateway that beats no more is remembered. */
export const GATEWAY_KEPT_MS = 24 * 3600_000;

/** Bounds of `adapters/ajv`, each with its unit and the trouble it prevents (R9). */
import type { BackoffBounds } from "../../core/backoff.ts";

// One schema
/** One schema, in characters of JSON. Compiled, it takes about ten times as much memory. */
export const SCHEMA_CHARACTERS_MAX = 128 * 1024;
/**
 * Keywords that one look at a value may evaluate, with every `$ref` written out. Thirty definitions that each refer
 * twice to the next ask for a thousand million of them. This many take about ten milliseconds.
 */
export const SCHEMA_WORK_MAX = 100_000;
/** Schemas within a schema that the gateway's own thread looks at, and values within a value: some microseconds. */
export const PLAIN_SCHEMA_NODES_MAX = 100;
export const PLAIN_VALUE_NODES_MAX = 1000;
/** References that lead from one to the next: a recursive function follows them. */
export const SCHEMA_REFERENCES_DEEP_MAX = 500;
/**
 * Instructions of all patterns of a schema. `x{900}` are 900. Each takes two microseconds to compile and 420 bytes of
 * memory, and every character of a value may meet each of them.
 */
export const PATTERN_INSTRUCTIONS_MAX = 5000;
/** Memory of one instruction of a compiled pattern, in bytes, as measured. */
export const PATTERN_INSTRUCTION_BYTES = 420;
/** Memory of a compiled schema, in bytes for each character of its JSON. */
export const COMPILED_BYTES_PER_CHARACTER = 10;

// One job
/** CPU time to compile one schema, in ms. An ordinary one takes three. */
export const SCHEMA_COMPILE_MAX_MS = 500;
/** CPU time to compile all schemas of one request, in ms: a push brings up to 128, an ordinary one takes 300 ms. */
export const REQUEST_COMPILE_MAX_MS = 2000;
/** Schemas that are compiled in one job. A large push is several jobs, between which other tenants have theirs. */
export const SCHEMAS_PER_JOB_MAX = 8;
/** CPU time to check all values of one job, in ms: the calls of a step. An ordinary value takes a tenth of one. */
export const JOB_VALUES_MAX_MS = 50;
/** The shortest time after which a watchdog cuts, in ms: a busy machine lets a thread wait that long. */
export const WATCHDOG_MIN_MS = 20;
/**
 * The real time of all tries of one piece of work, in ms, about: a machine that lets it wait so long is too busy. The
 * last try may take as long again. A check and the compilation before it stay within the deadline of the job.
 */
export const WATCHDOGS_REAL_MAX_MS = 3000;
/** The real time of one job, in ms, after which its worker is ended. Only what no watchdog can cut takes so long. */
export const JOB_DEADLINE_MS = 15_000;

// Workers
/**
 * Worker threads of a process. A tenant has one at a time, so that another tenant finds one free. Each costs about 40
 * MB once it is in use.
 */
export const SCHEMA_WORKERS_MAX = 2;
/** The heap of one worker, in MB. A job that needs more loses its worker, and the gateway none of its memory. */
export const WORKER_HEAP_MAX_MB = 128;
/** The young part of that heap, in MB. */
export const WORKER_YOUNG_HEAP_MAX_MB = 16;
/** The delays before a worker that could not start is started again. */
export const WORKER_START_RETRY: BackoffBounds = { minMs: 100, maxMs: 5000 };
/** Memory of the compiled schemas that a worker keeps, in bytes as estimated: a quarter of its heap. */
export const COMPILED_BYTES_MAX = 32 * 1024 * 1024;

// Jobs that wait
/** Jobs of one tenant that wait: as many as the runs of a gateway, each with a step that ends. */
export const QUEUED_JOBS_PER_TENANT_MAX = 1000;
/** How long a job may wait, in ms. A busy machine takes up to ten seconds to start a worker. */
export const JOB_WAIT_MAX_MS = 20_000;

// What was too slow
/** Schemas of which is remembered that they, or a value of some length, took too long. */
export const SLOW_SCHEMAS_REMEMBERED_MAX = 1000;
/** How long that is remembered, in ms: what a busy machine could not do in time may be tried again later. */
export const SLOW_REMEMBERED_MS = 10 * 60_000;

/** Schemas of which is remembered that they compile: about 150 bytes each. */
export const USABLE_SCHEMAS_REMEMBERED_MAX = 10_000;

/** The priority of schema workers among all threads, from -20 to 19: below everything that waits for a core. */
export const WORKER_PRIORITY = 10;

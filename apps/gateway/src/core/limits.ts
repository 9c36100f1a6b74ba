/** Bounds of `core`, each with its unit and the trouble it prevents (R9). */

// Payloads
/** Nesting of JSON at the door: `JSON.stringify` overflows the stack where `JSON.parse` does not. */
export const JSON_DEPTH_MAX = 64;
/** A tool's result, wherever it comes from. */
export const TOOL_RESULT_BYTES_MAX = 256 * 1024;
/** Tool calls of one step: above it the step fails rather than flooding devices. */
export const TOOL_CALLS_PER_STEP_MAX = 128;
/** What a failure of a model or a tool may quote, in characters: enough for a person, too little to flood an event. */
export const FAILURE_MESSAGE_CHARACTERS_MAX = 1000;

// Runs
/** How long a call may await an approval: 24 hours. */
export const APPROVAL_TIMEOUT_MS = 24 * 3600 * 1000;
/** Claims of a run without progress before it is given up. */
export const RECOVERIES_MAX = 3;

// Retries of the model
export const RETRY_BASE_MS = 500;
export const RETRY_MAX_MS = 30_000;
/** The longest `retry-after` that is obeyed; a provider that asks for more ends the run. */
export const RETRY_AFTER_MAX_MS = 10 * 60_000;

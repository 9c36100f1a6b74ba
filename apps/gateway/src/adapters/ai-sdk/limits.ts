/** Bounds of `adapters/ai-sdk`, each with its unit and the trouble it prevents (R9). */

// Payloads
/** Characters that one step may say in all: a model that never stops must not fill the memory. */
export const STEP_CHARACTERS_MAX = 4 * 1024 * 1024;

// The demo provider
/** Scripted failures whose count is remembered. Beyond it the oldest count is forgotten and starts again. */
export const DEMO_FAILURES_COUNTED_MAX = 1000;
/** Repetitions in one `repeat` of a script. */
export const DEMO_REPEAT_MAX = 100_000;
/** Parts played without a pause before other work of the event loop runs: a fast script must not starve it. */
export const DEMO_PARTS_PER_TURN = 64;

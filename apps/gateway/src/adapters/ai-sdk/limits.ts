/** Bounds of `adapters/ai-sdk`, each with its unit and the trouble it prevents (R9). */

// Payloads
/** What one step may say in all, in characters: a model that never stops must not fill the memory. */
export const STEP_CHARACTERS_MAX = 4 * 1024 * 1024;

// The demo provider
/** Failures on demand whose count is remembered: the oldest count starts again. */
export const DEMO_FAILURES_COUNTED_MAX = 1000;
/** Repetitions in one `repeat` of a script. */
export const DEMO_REPEAT_MAX = 100_000;
/** Parts played without a pause before the event loop gets its turn. */
export const DEMO_PARTS_PER_TURN = 64;

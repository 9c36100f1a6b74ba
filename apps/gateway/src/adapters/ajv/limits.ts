/** Bounds of `adapters/ajv`, each with its unit and the trouble it prevents (R9). */

// JSON Schemas of tools
/** One schema, in characters of JSON: compiled, it takes some ten times that. */
export const SCHEMA_CHARACTERS_MAX = 128 * 1024;
/** Compiled schemas kept. */
export const SCHEMAS_CACHED_MAX = 500;
/** Compiling a schema or checking a value against it: a schema can ask for exponential work in a few lines. */
export const SCHEMA_TIME_MAX_MS = 1000;

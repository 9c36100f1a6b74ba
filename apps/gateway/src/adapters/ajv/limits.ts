/** Bounds of `adapters/ajv`, each with its unit and the trouble it prevents (R9). */

// JSON Schemas of tools
/** One schema, in characters of JSON. Compiled, it takes about ten times as much memory. */
export const SCHEMA_CHARACTERS_MAX = 128 * 1024;
/** Compiled schemas that are kept: with the bound above they must not fill the memory. */
export const SCHEMAS_CACHED_MAX = 500;
/** Time to compile a schema or to check a value, in milliseconds: a few lines can ask for exponential work. */
export const SCHEMA_TIME_MAX_MS = 1000;

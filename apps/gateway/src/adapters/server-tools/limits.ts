/** Bounds of `adapters/server-tools`, each with its unit and the trouble it prevents (R9). */

// HTTP tools
/** Redirects followed in one call. */
export const HTTP_TOOL_REDIRECTS_MAX = 5;

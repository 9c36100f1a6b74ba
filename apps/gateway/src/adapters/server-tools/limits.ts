/** Bounds of `adapters/server-tools`, each with its unit and the trouble it prevents (R9). */

// HTTP tools
/** Redirects followed in one call: a circle must end. */
export const HTTP_TOOL_REDIRECTS_MAX = 5;

/** Bounds of `adapters/server-tools`, each with its unit and the trouble it prevents (R9). */

// HTTP tools
/** Redirects followed in one call: a circle must end. */
export const HTTP_TOOL_REDIRECTS_MAX = 5;
/**
 * How often a segment of a path is decoded to see where it leads. Servers in a row decode it one time each; what needs
 * more is no honest text.
 */
export const PATH_DECODINGS_MAX = 4;
/**
 * Bytes read of an answer that is no success. They are more than its message shows, so that a secret is whole where it
 * is looked for.
 */
export const HTTP_TOOL_EXCERPT_BYTES_MAX = 8 * 1024;

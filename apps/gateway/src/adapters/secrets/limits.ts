/** Bounds of `adapters/secrets`, each with its unit and the trouble it prevents (R9). */

/** What is read of a file that holds a secret, in bytes: a path to something else must not fill the memory. */
export const SECRET_FILE_BYTES_MAX = 64 * 1024;

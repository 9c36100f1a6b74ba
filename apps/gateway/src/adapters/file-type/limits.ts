/** Bounds of `adapters/file-type`, each with its unit and the trouble it prevents (R9). */

/** Bytes that are looked at: what the package asks for, and no more for a hostile file to lead it through. */
export const HEAD_BYTES_MAX = 4100;

/** Bounds of `adapters/s3`, each with its unit and the trouble it prevents (R9). */

/** How long one request may take, in ms: a chunk has a megabyte, and its sender waits. */
export const S3_REQUEST_TIMEOUT_MS = 15_000;
/** Attempts at one request. Services of this kind refuse a few under load, and take them a moment later. */
export const S3_ATTEMPTS_MAX = 3;
/** How long is waited before another attempt, in ms. */
export const S3_RETRY_MS = 200;
/** What is read of the words of a service that refuses, in characters: enough to find the cause. */
export const S3_REFUSAL_CHARACTERS_MAX = 300;

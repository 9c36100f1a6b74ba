/** Bounds of `adapters/outbound`, each with its unit and the trouble it prevents (R9). */

/**
 * How long one attempt to connect may take, TLS included, in ms. A host that is up takes far less. A host that is away
 * should fail while its caller still has time for another attempt.
 */
export const OUTBOUND_CONNECT_TIMEOUT_MS = 10_000;
/**
 * How long one address of a host may take before its next address is tried, in ms. Node's own 250 ms give up on a host
 * behind a slow line.
 */
export const OUTBOUND_ADDRESS_TIMEOUT_MS = 2_000;
/** Redirects followed within one origin: a circle must end. */
export const OUTBOUND_REDIRECTS_MAX = 5;

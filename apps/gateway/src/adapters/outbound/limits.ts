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
/** How long a file of a message may take to come from elsewhere, in ms: its request waits meanwhile. */
export const LINK_TIMEOUT_MS = 20_000;
/** How long its sender may send nothing, in ms: a place of the gateway waits with it. */
export const LINK_SILENCE_MS_MAX = 5000;

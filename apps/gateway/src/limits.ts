/** Bounds of the process, each with its unit and the trouble it prevents (R9). */

/** How long a start without Redis looks whether another gateway beats, in ms: a busy one may miss a beat or two. */
export const SECOND_GATEWAY_LOOK_MS = 4000;
/** How long a close may take in all, the drain included, in ms: after it the process ends as by a crash. */
export const CLOSE_TIMEOUT_MS = 20_000;
/** How often a gateway that ends with its parent looks for it, in ms. Only then can it free its port and its leases. */
export const PARENT_CHECK_MS = 500;
/** Ancestors of a process that are looked through for npm: a shell or two stand between. */
export const ANCESTORS_MAX = 4;
/** How long a worker waits before it is started again. One that ends at once must not keep a core busy. */
export const WORKER_RESTART = { minMs: 500, maxMs: 30_000 } as const;
/** A worker that stayed up for so long, in ms, is started again without having earlier ends held against it. */
export const WORKER_PROVEN_MS = 60_000;
/** How long a scrape waits for the metrics of all workers, in ms: the library gives up on one after 5 s. */
export const WORKER_METRICS_WAIT_MS = 6000;

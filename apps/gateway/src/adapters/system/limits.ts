/** Bounds of the adapter of the operating system, each with its unit and the trouble it prevents (R9). */

/** Lines of a file of kept lines. A few gateways may share a folder; killed ones must not fill it. */
export const KEPT_LINES_MAX = 8;

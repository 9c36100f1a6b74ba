import type { Places } from "../../src/ports/share-places.ts";

/** The places of a gateway that holds nothing. */
export const EMPTY_PLACES: Places = { free: 1000, heldBy: new Map() };

import { CLOSE_CODES } from "@hsafa/protocol";
import { StoreUnavailable } from "../../ports/store.ts";
import type { SocketEnd } from "./socket-protocol.ts";

/** How a connection ends whose message could not be handled. The client is told to connect again. */
export function endOfFailure(error: unknown): SocketEnd {
  const isAway = error instanceof StoreUnavailable;
  return {
    reason: isAway ? "unavailable" : "internal_error",
    closeCode: CLOSE_CODES.goingAway,
    detail: isAway ? "The store is away; connect again." : "Something went wrong here; connect again.",
    error: isAway ? "unavailable" : "internal",
  };
}

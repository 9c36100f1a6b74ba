import type { FleetGateway } from "@hsafa/protocol";
import { GATEWAY_SILENT_MS } from "../limits.ts";
import type { StatusWords } from "../words/status-words.ts";

/** How a gateway stands. `now`: by this browser, in ms since the epoch. */
export function gatewayWords({ beatenAt, isStopping }: FleetGateway, now: number): StatusWords {
  if (now - Date.parse(beatenAt) > GATEWAY_SILENT_MS) {
    return isStopping ? { word: "has stopped", tone: "canceled" } : { word: "silent", tone: "failed" };
  }
  return isStopping ? { word: "goes away", tone: "waiting" } : { word: "serves", tone: "completed" };
}

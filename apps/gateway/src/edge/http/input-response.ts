import { acceptedInputSchema } from "@hsafa/protocol/schema";
import type { Refusal } from "../../access/refusal.ts";
import type { InputAccepted } from "../../control/enqueue-seen-input.ts";
import { type RouteResponse, json } from "./route.ts";

/** The documented response of a route that enqueues an input. */
export const acceptedAsInput = {
  202: { description: "Taken; the run takes account of it in its turn", schema: acceptedInputSchema },
};

/** The response of a route that enqueues an input. */
export function inputResponse(outcome: InputAccepted | Refusal): RouteResponse {
  return outcome.kind === "refused" ? outcome : json(202, { runId: outcome.runId, status: outcome.status });
}

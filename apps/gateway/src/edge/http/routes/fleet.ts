import { fleetSchema } from "@hsafa/protocol/schema";
import { readFleet } from "../../../control/read-fleet.ts";
import { json, type Route, scoped } from "../route.ts";

/** How the gateways stand, for the operator's key alone. */
export const fleetRoutes: readonly Route[] = [
  scoped({
    method: "GET",
    path: "/api/fleet",
    tag: "Health",
    summary: "How the gateways stand, and what waits for them; the operator's key alone may ask",
    scopes: ["admin"],
    unbound: true,
    responses: { 200: { description: "The gateways, the queue and the store", schema: fleetSchema } },
    async handle({ deps, principal }) {
      const outcome = await readFleet(deps, principal, deps.gatewayId);
      return outcome.kind === "refused" ? outcome : json(200, outcome.fleet);
    },
  }),
];

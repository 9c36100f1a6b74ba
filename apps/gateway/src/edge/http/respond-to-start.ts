import type { StartedRun } from "@hsafa/protocol";
import { runEventSchema, startedRunSchema } from "@hsafa/protocol/schema";
import { type Refusal, refuse } from "../../access/refusal.ts";
import { hasScope } from "../../access/scopes.ts";
import type { RunStarted } from "../../control/commit-start.ts";
import type { FollowOutcome } from "../../follow/follow-hub.ts";
import { openStream } from "../../follow/open-stream.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { json, pathOf, type DocumentedResponse, type RouteCall, type RouteResponse } from "./route.ts";
import { runStreamRoute } from "./routes/events.ts";

type StartCall = Pick<RouteCall<unknown, unknown>, "deps" | "principal" | "request">;

/** The documented responses of a route that starts a run. */
export const startedResponses: Readonly<Record<number, DocumentedResponse>> = {
  200: {
    description: "Asked for with `Accept: text/event-stream`: the run's events, from the first one until its end",
    schema: runEventSchema,
    mediaType: "text/event-stream",
  },
  202: { description: "The run is queued", schema: startedRunSchema },
};

/**
 * Starts a run by `start`, and answers with it, or with its events if the request accepts those alone. A run that is
 * started, and cannot be followed here now, is answered as one that nobody asked to follow.
 */
export async function respondToStart(call: StartCall, start: () => Promise<RunStarted>): Promise<RouteResponse> {
  const wantsEvents = acceptsEventsAlone(call.request.headers.accept);
  if (wantsEvents && !hasScope(call.principal, ["runs:read"])) return MAY_NOT_READ;
  const outcome = await start();
  if (outcome.kind === "refused") return outcome;
  const { runId, status } = outcome;
  const headers = { location: `/api/runs/${runId}` };
  const followed = wantsEvents ? await follow(call, outcome) : null;
  if (followed?.kind === "following") {
    return { kind: "events", headers, credential: call.principal, watch: followed.watch };
  }
  const streamUrl = pathOf(runStreamRoute.path, { id: runId });
  return json(202, { runId, status, streamUrl } satisfies StartedRun, headers);
}

const MAY_NOT_READ: Refusal = refuse(
  "forbidden",
  "To answer a start with the run's events, the credential needs the scope 'runs:read'; or accept JSON.",
);

/** Who accepts JSON, too, is answered as ever: some clients accept both, whatever they ask for. */
function acceptsEventsAlone(accept = ""): boolean {
  return accept.split(",").every((range) => range.split(";")[0]?.trim().toLowerCase() === "text/event-stream");
}

/** Null: the store is away by now. */
async function follow(
  { deps, principal }: StartCall,
  { runId, created }: Extract<RunStarted, { kind: "started" }>,
): Promise<FollowOutcome | null> {
  const wanted = { runId, after: undefined };
  try {
    // An earlier run of the same key may have been started under other bounds.
    return await (created ? deps.hub.follow({ principal, ...wanted }) : openStream(deps, principal, wanted));
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    return null;
  }
}

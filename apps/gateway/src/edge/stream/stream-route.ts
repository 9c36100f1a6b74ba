import { ERRORS } from "@hsafa/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { FollowHub, FollowOutcome } from "../../follow/follow-hub.ts";
import { openStream } from "../../follow/open-stream.ts";
import type { Principal } from "../../access/principal.ts";
import { type Refusal, refuse } from "../../access/refusal.ts";
import type { Clock } from "../../ports/clock.ts";
import { type Store, StoreUnavailable } from "../../ports/store.ts";
import { admitRequest, type CredentialsDeps } from "../http/credentials.ts";
import { sendProblem } from "../http/problem.ts";
import { runStreamRoute } from "../http/routes/events.ts";
import { sendEvents } from "../http/send-events.ts";
import { sendRetryLater } from "./event-stream.ts";

export interface StreamRouteDeps extends CredentialsDeps {
  readonly store: Store;
  readonly hub: FollowHub;
  readonly clock: Clock;
}

type Found = Refusal | { readonly kind: "found"; readonly principal: Principal; readonly outcome: FollowOutcome };

/** Serves `runStreamRoute`: a run's events as they happen, from any position on. */
export function registerStreamRoute(app: FastifyInstance, deps: StreamRouteDeps): void {
  app.get(runStreamRoute.path, { exposeHeadRoute: false }, async (request, reply) => {
    const found = await find(deps, request);
    if (found.kind === "refused") return refuseStream(reply, found);
    const { principal, outcome } = found;
    if (outcome.kind === "refused") return refuseStream(reply, outcome);
    // 204 tells an EventSource to stop: nothing will ever follow.
    if (outcome.kind === "at_end") return reply.code(204).send();
    return sendEvents(reply, { clock: deps.clock, credential: principal, watch: outcome.watch });
  });
}

async function find(deps: StreamRouteDeps, request: FastifyRequest): Promise<Found> {
  try {
    const admission = await admitRequest(deps, request, runStreamRoute);
    if (admission.kind === "refused") return admission;
    const { principal } = admission;
    const position = positionOf(request);
    if (typeof position === "object") return position;
    const { id } = request.params as { id: string };
    return { kind: "found", principal, outcome: await openStream(deps, principal, { runId: id, after: position }) };
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    return refuse("unavailable", "The store is away; try again.");
  }
}

/** The header wins: an EventSource that comes back sends its last position there, and the query that it began with. */
function positionOf(request: FastifyRequest): string | undefined | Refusal {
  const header = request.headers["last-event-id"];
  // An empty id is how a client says that it has seen nothing.
  if (typeof header === "string" && header !== "") return header;
  const { after } = request.query as { after?: unknown };
  if (after === undefined || typeof after === "string") return after;
  return refuse("invalid_position", "Give 'after' once.");
}

function refuseStream(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const isEventSource = reply.request.headers.accept?.includes("text/event-stream") === true;
  if (!ERRORS[refusal.code].retryable || !isEventSource) return sendProblem(reply, refusal);
  reply.hijack();
  sendRetryLater(reply.raw, reply.getHeaders(), refusal.retryAfterMs);
  return reply;
}

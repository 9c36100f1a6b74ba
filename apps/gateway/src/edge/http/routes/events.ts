import { parsePlace } from "@hsafa/protocol";
import { listEventsQuerySchema, pageSchema, runEventSchema } from "@hsafa/protocol/schema";
import { readEvents } from "../../../control/read-events.ts";
import { type ElsewhereRoute, type Route, scoped } from "../route.ts";

const tag = "Events";

/** A run's events as they happen, from any position on. `edge/stream` serves it. */
export const runStreamRoute: ElsewhereRoute = {
  method: "GET",
  path: "/api/runs/:id/stream",
  tag,
  summary: "A run's events as server-sent events, from the position in Last-Event-ID or `after`, until its end",
  access: "elsewhere",
  scopes: ["runs:read"],
  query: listEventsQuerySchema.pick({ after: true }),
  body: null,
  headers: ["Last-Event-ID"],
  responses: {
    200: {
      description: "One event per message, `id` its position",
      schema: runEventSchema,
      mediaType: "text/event-stream",
    },
    204: { description: "The position is that of the run's last event: nothing will follow" },
  },
};

/** The events of runs: as they happen, and from the log. */
export const eventRoutes: readonly Route[] = [
  runStreamRoute,
  scoped({
    method: "GET",
    path: "/api/runs/:id/events",
    tag,
    summary: "A page of a run's canonical log; its cursor is a position",
    scopes: ["runs:read"],
    query: listEventsQuerySchema,
    responses: { 200: { description: "A page of events", schema: pageSchema(runEventSchema) } },
    async handle({ deps, principal, params: { id = "" }, query: { limit, after, cursor, facts } }) {
      // A cursor continues after the last page of the same reading, so it is the later of the two.
      const position = parsePlace(cursor ?? after ?? "") ?? undefined;
      const outcome = await readEvents(deps, principal, { runId: id, after: position, limit, factsOnly: facts });
      if (outcome.kind === "refused") return outcome;
      return { kind: "text", status: 200, mediaType: "application/json", text: outcome.json };
    },
  }),
];

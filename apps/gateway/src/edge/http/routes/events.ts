import { parsePlace } from "@hsafa/protocol";
import { listEventsQuerySchema, pageSchema, runEventSchema } from "@hsafa/protocol/schema";
import { refuse } from "../../../access/refusal.ts";
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
  rawBody: null,
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

const MISPLACED_BEFORE = refuse("invalid_request", "The query is not valid; see 'errors'.", [
  { path: "before", message: "goes with 'order=desc' only; add it, or give 'after'" },
]);
const MISPLACED_AFTER = refuse("invalid_request", "The query is not valid; see 'errors'.", [
  { path: "after", message: "does not go with 'order=desc'; give 'before', or leave the order out" },
]);

/** The events of runs: as they happen, and from the log. */
export const eventRoutes: readonly Route[] = [
  runStreamRoute,
  scoped({
    method: "GET",
    path: "/api/runs/:id/events",
    tag,
    summary: "A page of a run's canonical log, in either order; its cursor is a position",
    scopes: ["runs:read"],
    query: listEventsQuerySchema,
    responses: { 200: { description: "A page of events", schema: pageSchema(runEventSchema) } },
    async handle({ deps, principal, params: { id = "" }, query: { limit, order, after, before, cursor, facts } }) {
      if (order === "asc" && before !== undefined) return MISPLACED_BEFORE;
      if (order === "desc" && after !== undefined) return MISPLACED_AFTER;
      // A cursor continues after the last page of the same reading, so it is the farther of the two.
      const from = parsePlace(cursor ?? after ?? before ?? "") ?? undefined;
      const outcome = await readEvents(deps, principal, { runId: id, order, from, limit, factsOnly: facts });
      if (outcome.kind === "refused") return outcome;
      return { kind: "text", status: 200, mediaType: "application/json", text: outcome.json };
    },
  }),
];

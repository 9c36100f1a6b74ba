import {
  cancelBodySchema,
  forkRunBodySchema,
  listRunsQuerySchema,
  pageSchema,
  postMessageBodySchema,
  runSchema,
  startedRunSchema,
  startRunBodySchema,
} from "@hsafa/protocol/schema";
import { cancelRun } from "../../../control/cancel-run.ts";
import { forkRun } from "../../../control/fork-run.ts";
import { postMessage } from "../../../control/post-message.ts";
import { findRun, listRuns } from "../../../control/read-runs.ts";
import { startRun } from "../../../control/start-run.ts";
import type { RunStarted } from "../../../control/commit-start.ts";
import type { Refusal } from "../../../access/refusal.ts";
import { awaitStartTurn } from "../await-turn.ts";
import { acceptedAsInput, inputResponse } from "../input-response.ts";
import { json, pathOf, type Route, scoped } from "../route.ts";
import { runStreamRoute } from "./events.ts";

const tag = "Runs";
const reading = { scopes: ["runs:read"] } as const;

function startedResponse(outcome: RunStarted): Refusal | ReturnType<typeof json> {
  if (outcome.kind === "refused") return outcome;
  const { runId, status } = outcome;
  const streamUrl = pathOf(runStreamRoute.path, { id: runId });
  return json(202, { runId, status, streamUrl }, { location: `/api/runs/${runId}` });
}

/** Runs, and what is said to them. */
export const runRoutes: readonly Route[] = [
  scoped({
    method: "POST",
    path: "/api/runs",
    tag,
    summary: "Start a run; answered as soon as it is kept",
    scopes: ["runs:start"],
    body: startRunBodySchema,
    headers: ["Idempotency-Key"],
    responses: { 202: { description: "The run is queued", schema: startedRunSchema } },
    async handle({ deps, principal, body, idempotencyKey }) {
      const tooMany = await awaitStartTurn(deps, principal.tenantId);
      if (tooMany !== null) return tooMany;
      return startedResponse(await startRun(deps, principal, { request: body, idempotencyKey }));
    },
  }),
  scoped({
    method: "POST",
    path: "/api/runs/:id/fork",
    tag,
    summary: "Start a run that goes on from a fact of this one, which stays as it is",
    scopes: ["runs:start"],
    body: forkRunBodySchema,
    headers: ["Idempotency-Key"],
    responses: { 202: { description: "The fork is queued", schema: startedRunSchema } },
    async handle({ deps, principal, params: { id = "" }, body, idempotencyKey }) {
      const tooMany = await awaitStartTurn(deps, principal.tenantId);
      if (tooMany !== null) return tooMany;
      return startedResponse(await forkRun(deps, principal, { runId: id, request: body, idempotencyKey }));
    },
  }),
  scoped({
    method: "GET",
    path: "/api/runs",
    tag,
    summary: "List runs, newest first",
    ...reading,
    query: listRunsQuerySchema,
    responses: { 200: { description: "A page of runs", schema: pageSchema(runSchema) } },
    async handle({ deps, principal, query: { limit, cursor, since, until, metadata, ...filters } }) {
      const { status, agent, threadId, subject, parent } = filters;
      const outcome = await listRuns(deps, principal, {
        ...filters,
        limit,
        cursor,
        status,
        agent,
        threadId,
        subject,
        parent,
        since: since === undefined ? undefined : Date.parse(since),
        until: until === undefined ? undefined : Date.parse(until),
        metadataText: metadata,
      });
      return outcome.kind === "refused" ? outcome : json(200, outcome.page);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/runs/:id",
    tag,
    summary: "One run",
    ...reading,
    responses: { 200: { description: "The run", schema: runSchema } },
    async handle({ deps, principal, params: { id = "" } }) {
      const outcome = await findRun(deps, principal, id);
      return outcome.kind === "refused" ? outcome : json(200, outcome.run);
    },
  }),
  scoped({
    method: "POST",
    path: "/api/runs/:id/messages",
    tag,
    summary: "Say something to a run in progress, for its next step",
    scopes: ["runs:send"],
    body: postMessageBodySchema,
    headers: ["Idempotency-Key"],
    responses: acceptedAsInput,
    async handle({ deps, principal, params: { id = "" }, body, idempotencyKey }) {
      const message =
        typeof body.message === "string" ? ({ role: "user", content: body.message } as const) : body.message;
      return inputResponse(await postMessage(deps, principal, { runId: id, message, idempotencyKey }));
    },
  }),
  scoped({
    method: "POST",
    path: "/api/runs/:id/cancel",
    tag,
    summary: "End a run as canceled",
    scopes: ["runs:cancel"],
    body: cancelBodySchema,
    responses: acceptedAsInput,
    handle: async ({ deps, principal, params: { id = "" }, body: { reason = null } }) =>
      inputResponse(await cancelRun(deps, principal, { runId: id, reason })),
  }),
];

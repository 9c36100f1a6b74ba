import {
  cancelBodySchema,
  forkRunBodySchema,
  listRunsQuerySchema,
  pageSchema,
  postMessageBodySchema,
  runSchema,
  startRunBodySchema,
} from "@hsafa/protocol/schema";
import { cancelRun } from "../../../control/cancel-run.ts";
import { forkRun } from "../../../control/fork-run.ts";
import { postMessage } from "../../../control/post-message.ts";
import { findRun, listRuns } from "../../../control/read-runs.ts";
import { startRun } from "../../../control/start-run.ts";
import { awaitStartTurn } from "../await-turn.ts";
import { acceptedAsInput, inputResponse } from "../input-response.ts";
import { json, type Route, scoped } from "../route.ts";
import { respondToStart, startedResponses } from "../respond-to-start.ts";

const tag = "Runs";
const reading = { scopes: ["runs:read"] } as const;

/** Runs, and what is said to them. */
export const runRoutes: readonly Route[] = [
  scoped({
    method: "POST",
    path: "/api/runs",
    tag,
    summary: "Start a run; answered as soon as it is kept, or with its events",
    scopes: ["runs:start"],
    body: startRunBodySchema,
    headers: ["Idempotency-Key"],
    responses: startedResponses,
    async handle(call) {
      const { deps, principal, body, idempotencyKey } = call;
      const tooMany = await awaitStartTurn(deps, principal.tenantId);
      if (tooMany !== null) return tooMany;
      return respondToStart(call, () => startRun(deps, principal, { request: body, idempotencyKey }));
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
    responses: startedResponses,
    async handle(call) {
      const { deps, principal, params, body, idempotencyKey } = call;
      const { id = "" } = params;
      const tooMany = await awaitStartTurn(deps, principal.tenantId);
      if (tooMany !== null) return tooMany;
      return respondToStart(call, () => forkRun(deps, principal, { runId: id, request: body, idempotencyKey }));
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

import { parsePosition } from "@hsafa/protocol";
import {
  acceptedInputSchema,
  approvalBodySchema,
  cancelBodySchema,
  listEventsQuerySchema,
  listQuerySchema,
  listRunsQuerySchema,
  listToolCallsQuerySchema,
  pageSchema,
  postMessageBodySchema,
  runSchema,
  runEventSchema,
  startedRunSchema,
  startRunBodySchema,
  toolCallSchema,
  toolResultAnswerSchema,
  toolResultBodySchema,
} from "@hsafa/protocol/schema";
import { cancelRun } from "../../../control/cancel-run.ts";
import { decideApproval } from "../../../control/decide-approval.ts";
import type { InputAccepted } from "../../../control/enqueue-run-input.ts";
import { postMessage } from "../../../control/post-message.ts";
import { readEvents } from "../../../control/read-events.ts";
import { findRun, listCalls, listCallsOfRun, listRuns } from "../../../control/read-runs.ts";
import type { Refusal } from "../../../access/refusal.ts";
import { startRun } from "../../../control/start-run.ts";
import { submitResultOverHttp } from "../../../control/submit-result-over-http.ts";
import { idempotencyKeyOf } from "../idempotency-key.ts";
import { type Answer, json, type Route, scoped } from "../route.ts";

const tag = "Runs";
const reading = { scopes: ["runs:read"] } as const;
const writing = { scopes: ["runs:write"] } as const;
const takenAsInput = {
  202: { description: "Taken; the run takes account of it in its turn", schema: acceptedInputSchema },
};

/** Runs, what is said to them, and what is known of them. */
export const runRoutes: readonly Route[] = [
  scoped({
    method: "POST",
    path: "/api/runs",
    tag,
    summary: "Start a run; answered before any model is called",
    ...writing,
    body: startRunBodySchema,
    isIdempotent: true,
    answers: { 202: { description: "The run is queued", schema: startedRunSchema } },
    async handle({ deps, principal, request, body }) {
      const idempotency = idempotencyKeyOf(request);
      if (idempotency.kind === "refused") return idempotency;
      const outcome = await startRun(deps, principal, { request: body, idempotencyKey: idempotency.key });
      if (outcome.kind === "refused") return outcome;
      const { runId, status } = outcome;
      const streamUrl = `/api/runs/${runId}/stream`;
      return json(202, { runId, status, streamUrl }, { location: `/api/runs/${runId}` });
    },
  }),
  scoped({
    method: "GET",
    path: "/api/runs",
    tag,
    summary: "List runs, newest first",
    ...reading,
    query: listRunsQuerySchema,
    answers: { 200: { description: "A page of runs", schema: pageSchema(runSchema) } },
    async handle({ deps, principal, query: { limit, cursor, status, agent, threadId } }) {
      const outcome = await listRuns(deps, principal, { limit, cursor, status, agent, threadId });
      return outcome.kind === "refused" ? outcome : json(200, outcome.page);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/runs/:id",
    tag,
    summary: "One run",
    ...reading,
    answers: { 200: { description: "The run", schema: runSchema } },
    async handle({ deps, principal, params: { id = "" } }) {
      const outcome = await findRun(deps, principal, id);
      return outcome.kind === "refused" ? outcome : json(200, outcome.run);
    },
  }),
  {
    method: "GET",
    path: "/api/runs/:id/stream",
    tag: "Events",
    summary: "A run's events as server-sent events, from the position in Last-Event-ID or `after`, until its end",
    access: "elsewhere",
    scopes: ["runs:read"],
    query: listEventsQuerySchema.pick({ after: true }),
    body: null,
    isIdempotent: false,
    answers: {
      200: {
        description: "One event per message, `id` its position",
        schema: runEventSchema,
        mediaType: "text/event-stream",
      },
      204: { description: "The position is that of the run's last event: nothing will follow" },
    },
  },
  scoped({
    method: "GET",
    path: "/api/runs/:id/events",
    tag: "Events",
    summary: "A page of a run's canonical log; its cursor is a position",
    ...reading,
    query: listEventsQuerySchema,
    answers: { 200: { description: "A page of events", schema: pageSchema(runEventSchema) } },
    async handle({ deps, principal, params: { id = "" }, query: { limit, after, cursor, facts } }) {
      // A cursor goes on from where a page of the same reading ended, so it is the later of the two.
      const position = parsePosition(cursor ?? after ?? "") ?? undefined;
      const outcome = await readEvents(deps, principal, { runId: id, after: position, limit, factsOnly: facts });
      if (outcome.kind === "refused") return outcome;
      return { kind: "text", status: 200, mediaType: "application/json", text: outcome.json };
    },
  }),
  scoped({
    method: "GET",
    path: "/api/runs/:id/tool-calls",
    tag,
    summary: "A run's tool calls, with the device, attempts, times and result of each",
    ...reading,
    query: listQuerySchema,
    answers: { 200: { description: "A page of tool calls", schema: pageSchema(toolCallSchema) } },
    async handle({ deps, principal, params: { id = "" }, query: { limit, cursor } }) {
      const outcome = await listCallsOfRun(deps, principal, { runId: id, limit, cursor });
      return outcome.kind === "refused" ? outcome : json(200, outcome.page);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/tool-calls",
    tag,
    summary: "Tool calls of all runs, newest first: which device executed tool X?",
    ...reading,
    unbound: true,
    query: listToolCallsQuerySchema,
    answers: { 200: { description: "A page of tool calls", schema: pageSchema(toolCallSchema) } },
    handle: async ({ deps, principal, query: { limit, cursor, toolName, deviceId, status } }) =>
      json(200, await listCalls(deps, principal, { limit, cursor, toolName, deviceId, status })),
  }),
  scoped({
    method: "POST",
    path: "/api/runs/:id/tool-results",
    tag,
    summary: "Answer a tool call; the first result wins",
    ...writing,
    body: toolResultBodySchema,
    answers: {
      202: { description: "Taken", schema: toolResultAnswerSchema },
      200: { description: "The very same result was taken before", schema: toolResultAnswerSchema },
    },
    async handle({ deps, principal, params: { id = "" }, body: { callId, result, error } }) {
      const params = { runId: id, callId, answer: { result, error } };
      const outcome = await submitResultOverHttp(deps, principal, params);
      if (outcome.kind === "refused") return outcome;
      return json(outcome.duplicate ? 200 : 202, { callId, duplicate: outcome.duplicate });
    },
  }),
  scoped({
    method: "POST",
    path: "/api/runs/:id/messages",
    tag,
    summary: "Say something to a run in progress, for its next step",
    ...writing,
    body: postMessageBodySchema,
    isIdempotent: true,
    answers: takenAsInput,
    async handle({ deps, principal, request, params: { id = "" }, body }) {
      const idempotency = idempotencyKeyOf(request);
      if (idempotency.kind === "refused") return idempotency;
      const message =
        typeof body.message === "string" ? ({ role: "user", content: body.message } as const) : body.message;
      return inputAnswer(await postMessage(deps, principal, { runId: id, message, idempotencyKey: idempotency.key }));
    },
  }),
  scoped({
    method: "POST",
    path: "/api/runs/:id/approvals",
    tag,
    summary: "Decide a tool call that awaits approval",
    ...writing,
    body: approvalBodySchema,
    answers: takenAsInput,
    handle: async ({ deps, principal, params: { id = "" }, body: { callId, approved, reason = null } }) =>
      inputAnswer(await decideApproval(deps, principal, { runId: id, callId, approved, reason })),
  }),
  scoped({
    method: "POST",
    path: "/api/runs/:id/cancel",
    tag,
    summary: "End a run as canceled",
    ...writing,
    body: cancelBodySchema,
    answers: takenAsInput,
    handle: async ({ deps, principal, params: { id = "" }, body: { reason = null } }) =>
      inputAnswer(await cancelRun(deps, principal, { runId: id, reason })),
  }),
];

function inputAnswer(outcome: InputAccepted | Refusal): Answer {
  return outcome.kind === "refused" ? outcome : json(202, { runId: outcome.runId, status: outcome.status });
}

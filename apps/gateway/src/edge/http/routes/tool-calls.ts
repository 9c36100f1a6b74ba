import {
  approvalBodySchema,
  listQuerySchema,
  listToolCallsQuerySchema,
  pageSchema,
  toolCallSchema,
  toolResultAnswerSchema,
  toolResultBodySchema,
} from "@hsafa/protocol/schema";
import { decideApproval } from "../../../control/decide-approval.ts";
import { listCalls, listCallsOfRun } from "../../../control/read-tool-calls.ts";
import { submitResultOverHttp } from "../../../control/submit-result-over-http.ts";
import { acceptedAsInput, inputResponse } from "../input-response.ts";
import { json, type Route, scoped } from "../route.ts";

const tag = "Runs";
const reading = { scopes: ["runs:read"] } as const;

/** Tool calls, their results and their approvals. */
export const toolCallRoutes: readonly Route[] = [
  scoped({
    method: "GET",
    path: "/api/runs/:id/tool-calls",
    tag,
    summary: "A run's tool calls, with the device, attempts, times and result of each",
    ...reading,
    query: listQuerySchema,
    responses: { 200: { description: "A page of tool calls", schema: pageSchema(toolCallSchema) } },
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
    responses: { 200: { description: "A page of tool calls", schema: pageSchema(toolCallSchema) } },
    handle: async ({ deps, principal, query: { limit, cursor, toolName, deviceId, status, subject } }) =>
      json(200, await listCalls(deps, principal, { limit, cursor, toolName, deviceId, status, subject })),
  }),
  scoped({
    method: "POST",
    path: "/api/runs/:id/tool-results",
    tag,
    summary: "Answer a tool call; the first result wins",
    scopes: ["tools:answer"],
    body: toolResultBodySchema,
    responses: {
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
    path: "/api/runs/:id/approvals",
    tag,
    summary: "Decide a tool call that awaits approval",
    scopes: ["approvals:decide"],
    body: approvalBodySchema,
    responses: acceptedAsInput,
    handle: async ({ deps, principal, params: { id = "" }, body: { callId, approved, digest, reason = null } }) =>
      inputResponse(await decideApproval(deps, principal, { runId: id, callId, approved, digest, reason })),
  }),
];

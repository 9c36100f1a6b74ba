import {
  agentSchema,
  agentVersionSchema,
  listQuerySchema,
  pageSchema,
  promoteBodySchema,
  pushAgentBodySchema,
  pushedAgentSchema,
} from "@hsafa/protocol/schema";
import { pushAgent } from "../../../control/push-agent.ts";
import { promoteVersion } from "../../../control/promote-version.ts";
import { findAgent, findVersion, listAgents, listVersions } from "../../../control/read-agents.ts";
import { json, type Route, scoped } from "../route.ts";

const tag = "Agents";
const reading = { scopes: ["runs:read", "agents:write"], unbound: true } as const;
const writing = { scopes: ["agents:write"], unbound: true } as const;

/** Agents and their versions. */
export const agentRoutes: readonly Route[] = [
  scoped({
    method: "POST",
    path: "/api/agents",
    tag,
    summary: "Push an agent's config: a version of it, or the version it already is",
    ...writing,
    body: pushAgentBodySchema,
    responses: {
      201: { description: "A new version", schema: pushedAgentSchema },
      200: { description: "This config is a version already", schema: pushedAgentSchema },
    },
    async handle({ deps, principal, body }) {
      const outcome = await pushAgent(deps, principal, body);
      return outcome.kind === "refused" ? outcome : json(outcome.agent.created ? 201 : 200, outcome.agent);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/agents",
    tag,
    summary: "List agents with their current versions",
    ...reading,
    query: listQuerySchema,
    responses: { 200: { description: "A page of agents", schema: pageSchema(agentSchema) } },
    handle: async ({ deps, principal, query }) =>
      json(200, await listAgents(deps, principal, { limit: query.limit, cursor: query.cursor })),
  }),
  scoped({
    method: "GET",
    path: "/api/agents/:idOrName",
    tag,
    summary: "One agent with its current version",
    ...reading,
    responses: { 200: { description: "The agent", schema: agentSchema } },
    async handle({ deps, principal, params: { idOrName = "" } }) {
      const outcome = await findAgent(deps, principal, { idOrName });
      return outcome.kind === "refused" ? outcome : json(200, outcome.agent);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/agents/:idOrName/versions",
    tag,
    summary: "An agent's versions, newest first",
    ...reading,
    query: listQuerySchema,
    responses: { 200: { description: "A page of versions", schema: pageSchema(agentVersionSchema) } },
    async handle({ deps, principal, params: { idOrName = "" }, query: { limit, cursor } }) {
      const outcome = await listVersions(deps, principal, { idOrName, limit, cursor });
      return outcome.kind === "refused" ? outcome : json(200, outcome.page);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/agents/:idOrName/versions/:versionId",
    tag,
    summary: "One version of an agent",
    ...reading,
    responses: { 200: { description: "The version", schema: agentVersionSchema } },
    async handle({ deps, principal, params: { idOrName = "", versionId = "" } }) {
      const outcome = await findVersion(deps, principal, { idOrName, versionId });
      return outcome.kind === "refused" ? outcome : json(200, outcome.version);
    },
  }),
  scoped({
    method: "POST",
    path: "/api/agents/:idOrName/promote",
    tag,
    summary: "Set which version new runs take",
    ...writing,
    body: promoteBodySchema,
    responses: { 200: { description: "The agent with its current version", schema: agentSchema } },
    async handle({ deps, principal, params: { idOrName = "" }, body: { versionId } }) {
      const outcome = await promoteVersion(deps, principal, { idOrName, versionId });
      return outcome.kind === "refused" ? outcome : json(200, outcome.agent);
    },
  }),
];

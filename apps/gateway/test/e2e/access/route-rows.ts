import type { Scope } from "@hsafa/protocol";
import type { Bound, Things } from "./access-world.ts";

/**
 * What a route answers to somebody who has a good credential.
 *
 * - `refused`: 403, whatever the id names.
 * - `as missing`: the very same 404 as for an id of nothing.
 * - `nothing`: 200 with an empty list.
 * - `own`: it succeeds, and the answer names nothing that is somebody else's.
 */
export type Cell = "refused" | "as missing" | "nothing" | "own";
export type BoundCells = Cell | Readonly<Record<Bound, Cell>>;

/** A field of a body, or a parameter of a query, that names something. */
export interface FieldRow {
  readonly value: (things: Things) => unknown;
  /** To a key of another tenant, whose request is its own but for this field. */
  readonly foreignTenant: Cell;
  /** To a token that is bound to what the rest of the request names. */
  readonly boundHere: BoundCells;
}

/**
 * Who gets what from a route. Every route that is not open answers with 401 to no key, to a malformed one, and to one
 * that has expired or was revoked. It answers with 403 to a key without the scope. So these columns have no cells.
 */
export interface RouteRow {
  /** Each of these is enough for a key. `any`: every credential is good. `open`: nobody is asked. */
  readonly needs: readonly Scope[] | "any" | "open";
  readonly body?: (things: Things) => object;
  /** To a key of another tenant with every scope. */
  readonly foreignTenant: Cell;
  /** To a token with every scope that is bound to another run, thread or device of the tenant. */
  readonly boundElsewhere: BoundCells;
  readonly fields?: Readonly<Record<string, FieldRow>>;
}

const OPEN: RouteRow = { needs: "open", foreignTenant: "own", boundElsewhere: "own" };
/** What is in a run. */
const OF_RUN = { foreignTenant: "as missing", boundElsewhere: "as missing" } as const;
/** What is a tenant's alone: no bound token sees it. */
const OF_TENANT = { foreignTenant: "as missing", boundElsewhere: "refused" } as const;
/** What is for the operator's key alone, whatever the id names. */
const OF_OPERATOR = { foreignTenant: "refused", boundElsewhere: "refused" } as const;
const OWN_OF_TENANT = { foreignTenant: "own", boundElsewhere: "refused" } as const;

/** A token for one run starts none. */
const STARTED = { run: "refused", thread: "as missing", device: "as missing" } as const;

/** A token for one run or one thread forks nothing; one for a device does not reach the thread of the run. */
const FORKED = { run: "refused", thread: "refused", device: "as missing" } as const;

const READ: readonly Scope[] = ["runs:read"];
const READ_AGENTS: readonly Scope[] = ["runs:read", "agents:write"];
const PUSH: readonly Scope[] = ["agents:write"];
const START: readonly Scope[] = ["runs:start", "runs:write"];
const ADMIN: readonly Scope[] = ["admin"];

const refused = (value: FieldRow["value"], foreignTenant: Cell): FieldRow => ({
  value,
  foreignTenant,
  boundHere: "refused",
});

/** It says whose key is meant, and changes nothing for the id of a thread. */
const OF_SUBJECT = {
  subject: {
    value: ({ subject }: Things) => subject,
    foreignTenant: "own",
    boundHere: { run: "as missing", thread: "own", device: "as missing" },
  },
} as const;

/** One row for each call of the API. */
export const ROUTE_ROWS: Readonly<Record<string, RouteRow>> = {
  "GET /": OPEN,
  "GET /docs": OPEN,
  "GET /health": OPEN,
  "GET /metrics": OPEN,
  "GET /openapi.json": OPEN,
  "GET /ready": OPEN,

  "GET /api/session": OPEN,
  // It is of the page that asks, and here no page asks.
  "POST /api/session": { needs: "any", foreignTenant: "refused", boundElsewhere: "refused" },
  "POST /api/session/local": OPEN,
  "DELETE /api/session": OPEN,
  "POST /api/tokens": {
    needs: "any",
    body: () => ({ scopes: ["runs:read"] }),
    ...OWN_OF_TENANT,
    fields: {
      agents: refused(({ agentName }) => [agentName], "own"),
      runId: refused(({ run }) => run, "as missing"),
      threadId: refused(({ thread }) => thread, "as missing"),
      deviceKey: refused(({ deviceKey }) => deviceKey, "own"),
      subject: refused(({ subject }) => subject, "own"),
    },
  },
  "POST /api/tokens/revoke": {
    needs: ADMIN,
    body: () => ({}),
    ...OWN_OF_TENANT,
    fields: {
      subject: refused(({ subject }) => subject, "own"),
      deviceKey: refused(({ deviceKey }) => deviceKey, "own"),
    },
  },
  // It sets the token that came with the request, whatever that is.
  "POST /api/tokens/cookie": { needs: "any", foreignTenant: "refused", boundElsewhere: "own" },
  "POST /api/keys": {
    needs: ADMIN,
    body: () => ({ name: "made", scopes: ["runs:read"] }),
    ...OWN_OF_TENANT,
    fields: { subject: refused(({ subject }) => subject, "own") },
  },
  "GET /api/keys": { needs: ADMIN, ...OWN_OF_TENANT },
  "POST /api/keys/{id}/rotate": { needs: ADMIN, body: () => ({}), ...OF_TENANT },
  "DELETE /api/keys/{id}": { needs: ADMIN, ...OF_TENANT },

  "GET /api/quotas": {
    needs: READ,
    ...OWN_OF_TENANT,
    fields: { tenant: refused(({ tenant }) => tenant, "refused") },
  },
  "PUT /api/quotas": {
    needs: ADMIN,
    body: () => ({ quotas: { threads: 10 } }),
    ...OF_OPERATOR,
    fields: { tenant: refused(({ tenant }) => tenant, "refused") },
  },

  "POST /api/tenants": {
    needs: ADMIN,
    body: () => ({ name: "made" }),
    ...OF_OPERATOR,
    fields: { key: refused(() => ({ name: "first", scopes: ["runs:read"] }), "refused") },
  },
  "GET /api/tenants": { needs: ADMIN, ...OF_OPERATOR },
  "GET /api/tenants/{idOrName}": { needs: ADMIN, ...OF_OPERATOR },
  "POST /api/tenants/{idOrName}/keys": {
    needs: ADMIN,
    body: () => ({ name: "made", scopes: ["runs:read"] }),
    ...OF_OPERATOR,
    fields: { subject: refused(({ subject }) => subject, "refused") },
  },
  "POST /api/tenants/{idOrName}/disable": { needs: ADMIN, ...OF_OPERATOR },
  "POST /api/tenants/{idOrName}/enable": { needs: ADMIN, ...OF_OPERATOR },

  "GET /api/fleet": { needs: ADMIN, ...OF_OPERATOR },

  "GET /api/audit": {
    needs: ["audit:read"],
    ...OWN_OF_TENANT,
    fields: {
      subject: refused(({ subject }) => subject, "nothing"),
      keyId: refused(({ key }) => key, "nothing"),
      tenant: refused(({ tenant }) => tenant, "refused"),
    },
  },

  "POST /api/agents": {
    needs: PUSH,
    body: () => ({ name: "made", config: { name: "made", model: "demo/hello" } }),
    ...OWN_OF_TENANT,
  },
  "GET /api/agents": { needs: READ_AGENTS, ...OWN_OF_TENANT },
  "GET /api/agents/{idOrName}": { needs: READ_AGENTS, ...OF_TENANT },
  "GET /api/agents/{idOrName}/versions": { needs: READ_AGENTS, ...OF_TENANT },
  "GET /api/agents/{idOrName}/versions/{versionId}": { needs: READ_AGENTS, ...OF_TENANT },
  "POST /api/agents/{idOrName}/promote": {
    needs: PUSH,
    body: ({ version }) => ({ versionId: version }),
    ...OF_TENANT,
    fields: { versionId: refused(({ version }) => version, "as missing") },
  },

  "POST /api/runs": {
    needs: START,
    body: ({ agentName }) => ({ agent: agentName, input: "x" }),
    foreignTenant: "as missing",
    boundElsewhere: STARTED,
    fields: {
      agent: { value: ({ agent }) => agent, foreignTenant: "as missing", boundHere: STARTED },
      versionId: { value: ({ version }) => version, foreignTenant: "as missing", boundHere: STARTED },
      threadId: { value: ({ thread }) => thread, foreignTenant: "as missing", boundHere: STARTED },
      // A device key is a name, which each tenant gives its own devices.
      deviceKey: { value: ({ deviceKey }) => deviceKey, foreignTenant: "own", boundHere: "refused" },
      // Only an operator acts for somebody.
      subject: { value: ({ subject }) => subject, foreignTenant: "own", boundHere: "refused" },
    },
  },
  "GET /api/runs": {
    needs: READ,
    foreignTenant: "own",
    boundElsewhere: { run: "refused", thread: "own", device: "refused" },
    fields: {
      device: {
        value: ({ device }) => device,
        foreignTenant: "nothing",
        boundHere: { run: "refused", thread: "nothing", device: "refused" },
      },
      parent: { value: ({ run }) => run, foreignTenant: "nothing", boundHere: "as missing" },
      agent: {
        value: ({ agent }) => agent,
        foreignTenant: "nothing",
        boundHere: { run: "refused", thread: "nothing", device: "refused" },
      },
      versionId: {
        value: ({ version }) => version,
        foreignTenant: "nothing",
        boundHere: { run: "refused", thread: "nothing", device: "refused" },
      },
      threadId: {
        value: ({ thread }) => thread,
        foreignTenant: "nothing",
        boundHere: { run: "refused", thread: "as missing", device: "refused" },
      },
      subject: {
        value: ({ subject }) => subject,
        // A subject is a name too. The other tenant has started a run for it by now.
        foreignTenant: "own",
        boundHere: { run: "refused", thread: "nothing", device: "refused" },
      },
    },
  },
  "GET /api/runs/{id}": { needs: READ, ...OF_RUN },
  "POST /api/runs/{id}/fork": {
    needs: START,
    body: () => ({ position: "2-0", input: "x" }),
    foreignTenant: "as missing",
    // A token for one run or one thread begins no other.
    boundElsewhere: { run: "refused", thread: "refused", device: "as missing" },
    fields: {
      agent: { value: ({ agent }) => agent, foreignTenant: "as missing", boundHere: FORKED },
      versionId: { value: ({ version }) => version, foreignTenant: "as missing", boundHere: FORKED },
    },
  },
  "GET /api/runs/{id}/events": { needs: READ, ...OF_RUN },
  "GET /api/runs/{id}/stream": { needs: READ, ...OF_RUN },
  "GET /api/runs/{id}/tool-calls": { needs: READ, ...OF_RUN },
  "POST /api/runs/{id}/messages": {
    needs: ["runs:send", "runs:write"],
    body: () => ({ message: "x" }),
    ...OF_RUN,
  },
  "POST /api/runs/{id}/cancel": { needs: ["runs:cancel", "runs:write"], body: () => ({}), ...OF_RUN },
  "POST /api/runs/{id}/approvals": {
    needs: ["approvals:decide", "runs:write"],
    body: ({ approval }) => ({ callId: approval, approved: true }),
    ...OF_RUN,
    fields: {
      callId: { value: ({ approval }) => approval, foreignTenant: "as missing", boundHere: "as missing" },
    },
  },
  "POST /api/runs/{id}/tool-results": {
    needs: ["tools:answer", "runs:write"],
    body: ({ call }) => ({ callId: call, result: "forged" }),
    ...OF_RUN,
    fields: {
      callId: { value: ({ call }) => call, foreignTenant: "as missing", boundHere: "as missing" },
    },
  },
  "GET /api/tool-calls": {
    needs: READ,
    ...OWN_OF_TENANT,
    fields: {
      deviceId: refused(({ device }) => device, "nothing"),
      subject: refused(({ subject }) => subject, "own"),
    },
  },

  "POST /api/threads": {
    needs: START,
    body: () => ({}),
    ...OWN_OF_TENANT,
    fields: {
      key: refused(({ threadKey }) => threadKey, "own"),
      subject: refused(({ subject }) => subject, "own"),
      fromRunId: refused(({ run }) => run, "as missing"),
    },
  },
  "GET /api/threads": {
    needs: READ,
    foreignTenant: "own",
    boundElsewhere: { run: "refused", thread: "own", device: "refused" },
    fields: {
      subject: {
        value: ({ subject }) => subject,
        // A subject is a name too. The other tenant has made a thread for it by now.
        foreignTenant: "own",
        boundHere: { run: "refused", thread: "nothing", device: "refused" },
      },
    },
  },
  "GET /api/threads/{id}": { needs: READ, ...OF_RUN, fields: OF_SUBJECT },
  "GET /api/threads/{id}/messages": { needs: READ, ...OF_RUN, fields: OF_SUBJECT },
  "PUT /api/threads/{id}/title": { needs: START, body: () => ({ title: "x" }), ...OF_RUN, fields: OF_SUBJECT },
  // A bound token may speak in a thread that is another user's.
  "DELETE /api/threads/{id}": {
    needs: ["runs:write"],
    ...OF_TENANT,
    fields: { subject: refused(({ subject }) => subject, "own") },
  },

  "POST /api/files": {
    needs: ["runs:start", "runs:send", "runs:write"],
    body: () => ({ a: "file of JSON" }),
    foreignTenant: "own",
    boundElsewhere: "own",
    fields: { subject: refused(({ subject }) => subject, "own") },
  },
  "GET /api/files": {
    needs: READ,
    ...OWN_OF_TENANT,
    // A subject is a name too. The other tenant has uploaded a file for it by now.
    fields: { subject: refused(({ subject }) => subject, "own") },
  },
  "GET /api/files/{id}": { needs: READ, ...OF_RUN },
  "DELETE /api/files/{id}": { needs: ["runs:write"], ...OF_RUN },

  "GET /api/devices": {
    needs: READ,
    ...OWN_OF_TENANT,
    fields: { subject: refused(({ subject }) => subject, "nothing") },
  },
  "GET /api/devices/{id}": { needs: READ, ...OF_TENANT },
  "POST /api/devices/pairings": {
    needs: ["devices:pair"],
    body: () => ({ code: "BCDF-GHJK" }),
    ...OF_TENANT,
  },
  "DELETE /api/devices/{id}": { needs: ADMIN, ...OF_TENANT },

  // Before PUT, by which another tenant gives the same name to a secret of its own.
  "DELETE /api/secrets/{name}": { needs: ADMIN, ...OF_TENANT },
  "PUT /api/secrets/{name}": { needs: ADMIN, body: () => ({ value: "another value" }), ...OWN_OF_TENANT },
  "GET /api/secrets": { needs: PUSH, ...OWN_OF_TENANT },
};

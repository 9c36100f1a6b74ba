import {
  apiKeyWithSecretSchema,
  createKeyBodySchema,
  createTenantBodySchema,
  listQuerySchema,
  pageSchema,
  tenantSchema,
  tenantWithKeySchema,
} from "@hsafa/protocol/schema";
import { createTenant, createTenantKey } from "../../../control/create-tenant.ts";
import { disableTenant, enableTenant } from "../../../control/disable-tenant.ts";
import { listTenants, operatedTenant } from "../../../control/read-tenants.ts";
import { json, type Route, scoped } from "../route.ts";

const tag = "Tenants";
const operating = { scopes: ["admin"], unbound: true } as const;
const shown = { 200: { description: "The tenant", schema: tenantSchema } } as const;

/** Tenants, for the operator's key alone. */
export const tenantRoutes: readonly Route[] = [
  scoped({
    method: "POST",
    path: "/api/tenants",
    tag,
    summary: "Make a tenant with its first key; the operator's key alone may do that",
    ...operating,
    body: createTenantBodySchema,
    responses: {
      201: { description: "The tenant with its key, whose secret is shown this once", schema: tenantWithKeySchema },
    },
    async handle({ deps, principal, body }) {
      const outcome = await createTenant(deps, principal, body);
      return outcome.kind === "refused" ? outcome : json(201, outcome.tenant);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/tenants",
    tag,
    summary: "List the tenants, newest first; the operator's key alone may do that",
    ...operating,
    query: listQuerySchema,
    responses: { 200: { description: "A page of tenants", schema: pageSchema(tenantSchema) } },
    async handle({ deps, principal, query: { limit, cursor } }) {
      const outcome = await listTenants(deps, principal, { limit, cursor });
      return outcome.kind === "refused" ? outcome : json(200, outcome.page);
    },
  }),
  scoped({
    method: "GET",
    path: "/api/tenants/:idOrName",
    tag,
    summary: "One tenant; the operator's key alone may ask",
    ...operating,
    responses: shown,
    async handle({ deps, principal, params: { idOrName = "" } }) {
      const outcome = await operatedTenant(deps, principal, { idOrName, what: "asks for tenants" });
      return outcome.kind === "refused" ? outcome : json(200, outcome.tenant);
    },
  }),
  scoped({
    method: "POST",
    path: "/api/tenants/:idOrName/keys",
    tag,
    summary: "Make a key in a tenant, for one that lost its own; the operator's key alone may do that",
    ...operating,
    body: createKeyBodySchema,
    responses: {
      201: { description: "The key, with its secret, which is shown this once", schema: apiKeyWithSecretSchema },
    },
    async handle({ deps, principal, params: { idOrName = "" }, body }) {
      const outcome = await createTenantKey(deps, principal, idOrName, body);
      return outcome.kind === "refused" ? outcome : json(201, outcome.key);
    },
  }),
  scoped({
    method: "POST",
    path: "/api/tenants/:idOrName/disable",
    tag,
    summary: "Disable a tenant: its credentials, sockets, streams and runs end",
    ...operating,
    responses: shown,
    async handle({ deps, principal, params: { idOrName = "" } }) {
      const outcome = await disableTenant(deps, principal, idOrName);
      return outcome.kind === "refused" ? outcome : json(200, outcome.tenant);
    },
  }),
  scoped({
    method: "POST",
    path: "/api/tenants/:idOrName/enable",
    tag,
    summary: "Enable a tenant again: its keys work as before",
    ...operating,
    responses: shown,
    async handle({ deps, principal, params: { idOrName = "" } }) {
      const outcome = await enableTenant(deps, principal, idOrName);
      return outcome.kind === "refused" ? outcome : json(200, outcome.tenant);
    },
  }),
];

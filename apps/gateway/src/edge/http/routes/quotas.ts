import { quotasQuerySchema, setQuotasBodySchema, tenantQuotasSchema } from "@hsafa/protocol/schema";
import { readQuotas, setQuotas } from "../../../control/set-quotas.ts";
import { json, type Route, scoped } from "../route.ts";

const tag = "Quotas";
const responses = { 200: { description: "What the tenant has, and may have", schema: tenantQuotasSchema } } as const;

/** What a tenant has, and may have. */
export const quotaRoutes: readonly Route[] = [
  scoped({
    method: "GET",
    path: "/api/quotas",
    tag,
    summary: "What your tenant has and may have; the operator's key may name another tenant",
    scopes: ["runs:read"],
    unbound: true,
    query: quotasQuerySchema,
    responses,
    async handle({ deps, principal, query: { tenant } }) {
      const outcome = await readQuotas(deps, principal, { tenant });
      return outcome.kind === "refused" ? outcome : json(200, outcome.quotas);
    },
  }),
  scoped({
    method: "PUT",
    path: "/api/quotas",
    tag,
    summary: "Set what a tenant may have; the operator's key alone may do that",
    scopes: ["admin"],
    unbound: true,
    body: setQuotasBodySchema,
    responses,
    async handle({ deps, principal, body }) {
      const outcome = await setQuotas(deps, principal, body);
      return outcome.kind === "refused" ? outcome : json(200, outcome.quotas);
    },
  }),
];

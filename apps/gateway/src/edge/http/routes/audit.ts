import { auditEntrySchema, listAuditQuerySchema, pageSchema } from "@hsafa/protocol/schema";
import { listAudit } from "../../../control/list-audit.ts";
import { json, type Route, scoped } from "../route.ts";

/** Who did what. No call changes an entry. */
export const auditRoutes: readonly Route[] = [
  scoped({
    method: "GET",
    path: "/api/audit",
    tag: "Audit",
    summary: "Who did what to your tenant, newest first; the operator's key may name another tenant",
    scopes: ["audit:read"],
    unbound: true,
    query: listAuditQuerySchema,
    responses: { 200: { description: "A page of entries", schema: pageSchema(auditEntrySchema) } },
    async handle({ deps, principal, query: { limit, cursor, tenant, action, subject, keyId, since, until } }) {
      const filters = { tenant, action, subject, keyId, since, until };
      const outcome = await listAudit(deps, principal, { limit, cursor, ...filters });
      return outcome.kind === "refused" ? outcome : json(200, outcome.page);
    },
  }),
];

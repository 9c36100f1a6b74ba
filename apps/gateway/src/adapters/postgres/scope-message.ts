import { fleetStatement, type Query, type QueryScope } from "./statement.ts";

/** The role that owns nothing, and sees the rows of the tenant that a transaction names. Gateways work as it. */
export const APP_ROLE = "hsafa_app";
/** The role that owns nothing, and sees all rows. A transaction that serves all tenants takes it. */
export const FLEET_ROLE = "hsafa_fleet";

/**
 * What is sent before a query, and holds for its transaction alone. Policies read `hsafa.tenant`. The fleet's role is
 * taken only by a session that works as `hsafa_app`. Without these roles the setting binds the owner.
 */
const SET_TENANT = fleetStatement({
  name: "hsafa-tenant",
  parameters: { tenant: "text" },
  text: "select set_config('hsafa.tenant', :tenant, true)",
});
const SET_FLEET = fleetStatement({
  name: "hsafa-fleet",
  parameters: {},
  text: `select set_config('hsafa.tenant', '*', true),
  case when current_user = '${APP_ROLE}' then set_config('role', '${FLEET_ROLE}', true) end`,
});

/** A statement that says whose rows the query after it means. */
export type ScopeMessage = Pick<Query, "name" | "text" | "values">;

/** Each connection prepares these. */
export const SCOPE_STATEMENTS: readonly ScopeMessage[] = [SET_TENANT({ tenant: "" }), SET_FLEET({})];

/** What to send before a query of this scope. */
export function scopeMessage(scope: QueryScope): ScopeMessage {
  switch (scope.kind) {
    case "tenant":
      return SET_TENANT({ tenant: scope.tenantId });
    case "fleet":
      return SET_FLEET({});
    default:
      return scope satisfies never;
  }
}

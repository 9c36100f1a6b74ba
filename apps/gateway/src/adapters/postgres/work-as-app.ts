import { APP_ROLE, FLEET_ROLE } from "./scope-message.ts";
import { errorCode, type Sql } from "./sql.ts";
import { fleetStatement } from "./statement.ts";

/** A role that the one who connects may not take, or that does not exist. */
const REFUSED = new Set(["42501", "22023", "42704"]);

const READ_GUARD = fleetStatement({
  name: "read-guard",
  parameters: {},
  text: `
select (select count(*) = 2 from pg_roles where rolname in ('${APP_ROLE}', '${FLEET_ROLE}')) as has_roles,
  me.rolsuper or me.rolbypassrls as is_exempt, me.rolname::text as name,
  exists (select from pg_policy where polname = 'fleet_rows' and polrelid = to_regclass('runs')) as is_granted
from pg_roles me where me.rolname = current_user`,
});

interface Guard {
  readonly has_roles: boolean;
  /** Whether policies do not bind the role that connects. */
  readonly is_exempt: boolean;
  readonly name: string;
  /** Whether the roles have their rights. */
  readonly is_granted: boolean;
}

/**
 * Makes all connections work as a role that row-level security binds: `hsafa_app`, or without it the owner of the
 * tables. Throws an error that says what to do if neither is bound.
 */
export async function workAsApp(sql: Sql, pulse: Sql | null): Promise<void> {
  const [guard] = await sql.query<Guard>(READ_GUARD({}));
  if (guard === undefined) throw new Error("a session always has a role");
  if (guard.has_roles && (await mayTakeRoles(sql))) {
    // An administrator may have made the roles since the migration.
    if (!guard.is_granted) await sql.script("select hsafa_guard_tenants();");
    await sql.workAs(APP_ROLE);
    await pulse?.workAs(APP_ROLE);
    return;
  }
  if (guard.is_exempt) throw exempt(guard.name);
}

async function mayTakeRoles(sql: Sql): Promise<boolean> {
  try {
    await sql.script(`set local role ${FLEET_ROLE}; set local role ${APP_ROLE};`);
    return true;
  } catch (error) {
    if (REFUSED.has(errorCode(error) ?? "")) return false;
    throw error;
  }
}

function exempt(name: string): Error {
  return new Error(
    `row-level security does not bind the role ${name} of DATABASE_URL, and it may not take the roles ${APP_ROLE} and ` +
      `${FLEET_ROLE}. Ask an administrator of the server for: create role ${APP_ROLE} nologin; create role ${FLEET_ROLE} ` +
      `nologin; grant ${APP_ROLE}, ${FLEET_ROLE} to "${name}". Then start again`,
  );
}

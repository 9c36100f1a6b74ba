import type { AuditAction, AuditActor } from "@hsafa/protocol";

/** The parameter of a statement that writes an entry. `actorText` makes its value. */
export const ACTOR = { actor: "json" } as const;

/** Who acts, as the value of the parameter. */
export function actorText({ kind, keyId, name, subject, address }: AuditActor): string {
  return JSON.stringify({ kind, keyId, name, subject, address });
}

/**
 * SQL: a part of a `with` that writes one entry for each row of `from`. So an act and its entry are one statement: no
 * act is without its entry, and no entry without its act. The other fields are SQL as well.
 */
export function audited({
  action,
  outcome,
  targets,
  details = {},
  from,
  name = "audited",
  actor = ":actor",
  tenantId = ":tenantId",
}: {
  /** An action, or SQL that gives one. */
  readonly action: AuditAction | { readonly sql: string };
  readonly outcome: string;
  readonly targets: Readonly<Record<string, string>>;
  readonly details?: Readonly<Record<string, string>> | { readonly sql: string };
  /** Rows, and what they must meet. */
  readonly from: string;
  readonly name?: string;
  /** SQL of who acts, if it is not the parameter of `ACTOR`. */
  readonly actor?: string;
  readonly tenantId?: string;
}): string {
  const what = typeof action === "string" ? `'${action}'` : action.sql;
  return `${name} as (
  insert into audit_entries (tenant_id, action, outcome, actor, subject, key_id, targets, details)
  select ${tenantId}, ${what}, ${outcome}, ${actor}, ${actor} ->> 'subject', ${actor} ->> 'keyId', ${object(targets)}, ${object(details)}
  from ${from}
)`;
}

/** SQL: an object of these fields, without those that are null. */
function object(fields: Readonly<Record<string, string>> | { readonly sql: string }): string {
  if (typeof fields.sql === "string") return fields.sql;
  const pairs = Object.entries(fields).map(([field, value]) => `'${field}', ${value}`);
  return pairs.length === 0 ? "'{}'" : `json_strip_nulls(json_build_object(${pairs.join(", ")}))`;
}

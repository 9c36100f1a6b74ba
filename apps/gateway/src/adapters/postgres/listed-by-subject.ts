import type { SubjectFilter } from "../../ports/subject-filter.ts";
import type { TenantId } from "../../core/tenant-id.ts";
import { type Asked, filteredStatements } from "./filtered-statements.ts";
import { BEFORE_ALL_IDS, BEYOND_ALL_IDS, indexRange } from "./index-range.ts";
import type { Query, TenantScope } from "./statement.ts";

/** Where a page of a list begins, and how many rows it takes at most. */
export interface SubjectPart {
  readonly after: string | undefined;
  readonly take: number;
}

/**
 * Statements that list the rows of a user, of nobody or of all, newest first. The table has an index of its rows with a
 * subject, which has the ids behind it. `joins`: what is read beside each row.
 */
export function listedBySubject(source: {
  readonly name: string;
  readonly table: string;
  readonly columns: string;
  readonly joins?: string;
  /** Which rows are listed at all. */
  readonly condition?: string;
}): (tenantId: TenantId, subject: SubjectFilter, part: SubjectPart) => Query<TenantScope> {
  const { name, table, columns, joins = "", condition = "true" } = source;
  const [id, subjectColumn] = [`${table}.id`, `${table}.subject`];
  const filters = {
    subject: { parameters: { subject: "text" }, holds: null },
    nobody: { parameters: {}, holds: `${subjectColumn} is null` },
  } as const;
  const listed = filteredStatements({
    name,
    filters,
    part: { after: "uuid", from: "uuid", take: "int" },
    textOf(names) {
      const leads = names.includes("subject") ? [{ column: subjectColumn, value: ":subject" }] : [];
      const range = indexRange({ leads, id, after: ":after", to: ":from", order: "desc" });
      const holds = names.includes("nobody") ? filters.nobody.holds : "true";
      return `
with page as materialized (
  select ${id} from ${table}
  where ${table}.tenant_id = :tenantId and ${condition} and ${holds} and ${range.holds}
  order by ${range.order} limit :take
)
-- One look-up by its id for each row, whatever Postgres knows of the tables.
select listed.* from page cross join lateral (
  select ${columns} from ${table} ${joins} where ${id} = page.id and ${table}.tenant_id = :tenantId limit 1
) as listed
order by page.id desc`;
    },
  });
  return (tenantId, subject, { after = BEYOND_ALL_IDS, take }) => {
    const asked: Asked<typeof filters> =
      subject === undefined ? {} : subject === null ? { nobody: {} } : { subject: { subject } };
    return listed(tenantId, asked, { after, from: BEFORE_ALL_IDS, take });
  };
}

import type { ParameterTypes } from "./statement.ts";

/**
 * Where a list begins or ends that begins or ends nowhere. It is a value as any other, and no null that the statement
 * looks at. Beside the policy of its table, Postgres asks no index for an expression: it would look at all rows.
 */
export const BEFORE_ALL_IDS = "00000000-0000-0000-0000-000000000000";
export const BEYOND_ALL_IDS = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** A column that an index has before its ids, and the one value of it that is asked for, as SQL. */
export interface Lead {
  readonly column: string;
  readonly value: string;
}

/** A filter by the value of a column. An index has the ids behind it, and the tenant before it. */
export function ofValue<const P extends ParameterTypes>(column: string, value: string, parameters: P) {
  return { parameters, holds: `${column} = ${value}`, lead: { column, value } };
}

/**
 * SQL: the part of an index that a list reads, and its order. Rows are compared, and not each column by itself. With
 * the order by the same columns this leaves Postgres one index, whatever it knows of the table and of the values. Of
 * equal columns it may think that nearly all rows have the value. Then it looks at all ids instead.
 *
 * Without `to` the part has no end. Postgres ends a scan by a compared row only where its first column leaves its
 * value. So a list that ends within that value bounds its rows by a limit, and then looks at what it has.
 */
export function indexRange(params: {
  readonly leads: readonly Lead[];
  readonly id: string;
  /** Ids after this one, in the order of the list. */
  readonly after: string;
  /** To this one. With a column before the ids it is beyond all of them, so that the scan ends with the value. */
  readonly to?: string;
  readonly order: "asc" | "desc";
}): { readonly holds: string; readonly order: string } {
  const { leads, id, after, to, order } = params;
  const columns = [...leads.map(({ column }) => column), id];
  const row = `(${columns.join(", ")})`;
  const bound = (end: string): string => `(${[...leads.map(({ value }) => value), end].join(", ")})`;
  const [beyond, upTo] = order === "asc" ? [">", "<="] : ["<", ">="];
  return {
    holds: [
      // An index without nulls is used only where there are none.
      ...leads.map(({ column }) => `${column} is not null`),
      `${row} ${beyond} ${bound(after)}`,
      ...(to === undefined ? [] : [`${row} ${upTo} ${bound(to)}`]),
    ].join(" and "),
    order: columns.map((column) => `${column} ${order}`).join(", "),
  };
}

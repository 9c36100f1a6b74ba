import { storableText } from "../../ports/storable-text.ts";
import { COLLISIONS_MAX } from "./limits.ts";
import type { Query, SqlValue, TenantScope } from "./statement.ts";

/**
 * The one seam over a pool of Postgres connections and over PGlite. There are no interactive transactions: PGlite has
 * one connection, and an open transaction would keep it from everybody. So the statement is the unit of work, whatever
 * it touches. Both methods throw `StoreUnavailable` for a connection that failed.
 */
export interface Sql {
  /**
   * Each query carries its scope, and sees no other rows. `onSent` is called when it has a connection, again at each
   * try.
   */
  query<Row>(query: Query, onSent?: () => void): Promise<readonly Row[]>;
  /** Several statements without parameters, in one transaction. They say themselves whose rows they mean. */
  script(text: string): Promise<void>;
  /** From now on, all that is asked is asked as this role. */
  workAs(role: string): Promise<void>;
  /** What is asked from now on is planned anew. */
  forgetPlans(): Promise<void>;
  close(): Promise<void>;
}

/** The part of `Sql` that serves requests. It takes no statement that serves all tenants (R10). */
export interface TenantSql {
  query<Row>(query: Query<TenantScope>, onSent?: () => void): Promise<readonly Row[]>;
}

/** The SQLSTATE of a database error, or the code of a failed socket (`ECONNREFUSED`). */
export function errorCode(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Two statements made the same unique thing at once, and this one lost. */
function isUniqueViolation(error: unknown): boolean {
  return errorCode(error) === "23505";
}

/** A value with each text as the store keeps it. */
export function storable(value: SqlValue): SqlValue {
  if (typeof value === "string") return storableText(value);
  if (!Array.isArray(value)) return value;
  return value.map((element: string | number | boolean | null) =>
    typeof element === "string" ? storableText(element) : element,
  );
}

/**
 * Repeats a statement that collided with another over something unique. The second time it sees what the other made.
 * Each collision means that another got through, so more than `COLLISIONS_MAX` are a bug.
 */
export async function repeatOnUniqueViolation<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isUniqueViolation(error) || tries === COLLISIONS_MAX) throw error;
    }
  }
}

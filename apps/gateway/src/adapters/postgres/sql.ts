import { storableText } from "../../ports/storable-text.ts";

/** One statement of this adapter. `name` is unique: Postgres keeps the prepared plan under it. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export type SqlValue = string | number | boolean | null | readonly (string | number | boolean | null)[];

/**
 * The one seam over a Postgres pool and PGlite. There are no interactive transactions: PGlite has one connection, which
 * a held transaction would keep from everybody, so a statement is the unit, whatever it touches. Both throw
 * `StoreUnavailable` for a connection that failed.
 */
export interface Sql {
  query<Row>(statement: Statement, values: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Several statements without parameters, in one transaction. */
  script(text: string): Promise<void>;
  close(): Promise<void>;
}

/** The SQLSTATE of a database error, or of a failed socket (`ECONNREFUSED`). */
export function errorCode(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Two statements made the same unique thing at once: the loser is done again, and then sees what the winner made. */
function isUniqueViolation(error: unknown): boolean {
  return errorCode(error) === "23505";
}

export function storable(value: SqlValue): SqlValue {
  if (typeof value === "string") return storableText(value);
  if (!Array.isArray(value)) return value;
  return value.map((element: string | number | boolean | null) =>
    typeof element === "string" ? storableText(element) : element,
  );
}

/**
 * Tries of one statement that collides with another. Each collision means that somebody else got through, so more than
 * a few are a bug.
 */
const COLLISIONS_MAX = 5;

/** Does a statement again that lost to another over something unique; the second time it sees what the other made. */
export async function repeatOnUniqueViolation<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isUniqueViolation(error) || tries === COLLISIONS_MAX) throw error;
    }
  }
}

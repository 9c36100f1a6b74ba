/** SQL: a time column in milliseconds since the epoch. */
export function millis(column: string): string {
  return `(extract(epoch from ${column}) * 1000)::float8`;
}

/**
 * SQL: milliseconds (float8) as a time. A column rounds to the millisecond, so the way through a fraction of a second
 * loses nothing.
 */
export function time(ms: string): string {
  return `to_timestamp(${ms} / 1000)`;
}

/** SQL: a time column as ISO 8601 in UTC. */
export function isoTime(column: string): string {
  return `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** SQL: the day of now in UTC, counted from 1970 (`dayOf` in core/quotas.ts). */
export const TODAY = "floor(extract(epoch from now()) / 86400)::int";

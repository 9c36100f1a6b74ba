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

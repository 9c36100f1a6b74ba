/** Returns the least id of this time, in ms. Ids are ordered by the time of their making, so it bounds a list. */
export function firstIdOf(ms: number): string {
  // A time has 48 bits in an id, which are 12 digits.
  const time = Math.min(Math.max(Math.trunc(ms), 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

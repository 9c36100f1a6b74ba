/**
 * SQL: whether a row of runs waits for its turn in a thread, untouched. Its messages may then enter another run. A
 * claim, an input and an end change that for good.
 */
export function isMergeable(row: string): string {
  return `${row}.status = 'queued' and ${row}.epoch = 0 and ${row}.inbox = 0`;
}

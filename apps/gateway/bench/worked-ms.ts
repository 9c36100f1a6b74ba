import { readFileSync } from "node:fs";

/** Linux counts the time of a process in hundredths of a second (USER_HZ). */
const TICK_MS = 10;

/** User and system time of a process so far, in ms. */
export function workedMs(pid: number): number {
  const [user = 0, system = 0] = timesOf(pid);
  return (user + system) * TICK_MS;
}

/** The same of a process and all of its children, those that have ended included. */
export function workedMsOfAll(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  const ended = timesOf(pid).reduce((sum, ticks) => sum + ticks, 0);
  return children.reduce((sum, child) => sum + workedMs(child), ended * TICK_MS);
}

/** In ticks: user and system time, and those of its children that have ended. Fields 14 to 17 of proc(5). */
function timesOf(pid: number): number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in parentheses that may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).map(Number);
}

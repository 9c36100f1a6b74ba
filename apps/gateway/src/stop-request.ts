/**
 * When a gateway in the foreground has to stop.
 *
 * 1. At SIGTERM and SIGINT.
 * 2. When its parent ends, if the settings say so. `npx` runs a command through npm and a shell. A SIGTERM to npm ends
 *    both of these, and never reaches the gateway. It would stay without an owner, with its port and its data folder.
 * 3. By default only what stands between the gateway and npm counts (`with_npm`), with npm itself. So a gateway that no
 *    npm started outlives its parent, as a service and a container must. So does `nohup npx hsafa start &`, whose npm
 *    lives on. Node resets ignored signals, so nobody can tell `nohup node …` within a script of npm from the rest.
 */
import { readFile } from "node:fs/promises";
import type { Settings } from "./config.ts";
import { ANCESTORS_MAX, PARENT_CHECK_MS } from "./limits.ts";

/** The process that started this one, as it was when `findStarter` was called. */
export interface Starter {
  readonly pid: number;
  /** The processes from the parent up to npm; empty if npm is not among them; null where the kernel does not tell. */
  readonly upToNpm: readonly Ancestor[] | null;
}

/** Finds out who started this process. Call it first of all: the parent may end while the gateway starts. */
export async function findStarter(): Promise<Starter> {
  const pid = process.ppid;
  return { pid, upToNpm: await ancestorsUpToNpm(pid) };
}

/** Resolves with a sentence for people that says why the gateway has to stop. */
export function stopRequest({ endsWithParent }: Pick<Settings, "endsWithParent">, starter: Starter): Promise<string> {
  const isFromNpm = starter.upToNpm === null || starter.upToNpm.length > 0;
  const watches = endsWithParent === "always" || (endsWithParent === "with_npm" && isFromNpm); // 3.
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(`it got ${signal}`)); // 1.
    if (!watches) return;
    const timer = setInterval(() => void look(), PARENT_CHECK_MS);
    timer.unref();
    async function look(): Promise<void> {
      if (!(await hasEnded(starter))) return;
      clearInterval(timer);
      resolve("the process that started it has ended (HSAFA_END_WITH_PARENT=false keeps it running)"); // 2.
    }
  });
}

interface Ancestor {
  readonly pid: number;
  readonly startedAt: string;
}

async function hasEnded(starter: Starter): Promise<boolean> {
  if (process.ppid !== starter.pid) return true;
  for (const { pid, startedAt } of starter.upToNpm ?? []) {
    if ((await statOf(pid))?.startedAt !== startedAt) return true;
  }
  return false;
}

/** The processes from the parent up to the nearest npm. A shell between the two outlives npm when npm is killed. */
async function ancestorsUpToNpm(parent: number): Promise<readonly Ancestor[] | null> {
  if ((await statOf(process.pid)) === null) return null;
  const found: Ancestor[] = [];
  let pid = parent;
  while (pid > 1 && found.length < ANCESTORS_MAX) {
    const stat = await statOf(pid);
    if (stat === null) break;
    found.push({ pid, startedAt: stat.startedAt });
    if (/^(npm|npx|pnpm|yarn|bun)/.test(stat.name)) return found;
    pid = stat.parent;
  }
  return [];
}

/** What `/proc/<pid>/stat` says; null where there is no such process, or no such file. */
async function statOf(
  pid: number,
): Promise<{ readonly name: string; readonly parent: number; readonly startedAt: string } | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (text === null) return null;
  // The name may contain anything, so the other fields are counted after its last parenthesis.
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  // A dead process keeps its pid until its parent has asked for its end.
  if (fields[0] === "Z") return null;
  return { name: text.slice(text.indexOf("(") + 1, end), parent: Number(fields[1]), startedAt: fields[19] ?? "" };
}

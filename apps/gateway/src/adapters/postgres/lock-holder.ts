/**
 * The rule that says whether the holder of a data folder can be alive. Two processes in one folder destroy its data, so
 * a holder counts as dead only when that is certain.
 *
 * 1. In one PID namespace, the process table tells: no such pid, or that pid with another start time, is dead.
 * 2. On one kernel (the same boot), the holder's socket tells. The kernel closes it with the process, in whatever
 *    container that was. A connection that is refused means dead.
 * 3. On another kernel (another machine, or before a reboot), and where a socket tells nothing, the heartbeat tells.
 * 4. Nothing known: alive. The lock of a version that did not beat is of this kind.
 */

/** Where a process runs, as far as locks need it. */
export interface ProcessPlace {
  readonly host: string;
  /** Of this start of the kernel; null where the kernel tells none (only Linux does). */
  readonly bootId: string | null;
  /** Two processes with the same one see each other's pids. Null where the kernel tells none. */
  readonly pidNamespace: string | null;
}

/** The holder of the lock, as its file tells. */
export interface LockHolder extends Partial<ProcessPlace> {
  readonly pid: number;
  readonly host: string;
  /** The start time of that process, where the kernel tells it. Another process may have the same pid by now. */
  readonly startedAt: string | null;
  readonly since: string;
  /** The name of its socket in the folder; absent or null: it has none. */
  readonly socket?: string | null;
  /** What only this holder wrote, so that it knows its own lock. */
  readonly token?: string;
}

/** What can be found out about a holder. Each is asked for only if the rule needs it. */
export interface HolderSigns {
  /** Whether this pid is a process here, and the start time of it. */
  process(
    pid: number,
  ): Promise<{ readonly kind: "gone" } | { readonly kind: "there"; readonly startedAt: string | null }>;
  socket(name: string): Promise<"open" | "refused" | "unknown">;
  /** Watches its heartbeat until it beats, or has been silent for `LOCK_BEAT_STALE_MS`. */
  beat(): Promise<"beats" | "silent" | "never">;
}

/** Whether the holder may be alive. */
export async function mayLive(
  holder: LockHolder,
  self: ProcessPlace & { readonly pid: number },
  signs: HolderSigns,
): Promise<boolean> {
  const isSameKernel = known(holder.bootId) && holder.bootId === self.bootId;
  if (seesPids(holder, self)) {
    const found = await signs.process(holder.pid);
    // 1. Its own pid is that of a dead process: this one holds no lock yet.
    return found.kind === "there" && holder.pid !== self.pid && found.startedAt === holder.startedAt;
  }
  if (isSameKernel && known(holder.socket)) {
    const answer = await signs.socket(holder.socket); // 2.
    if (answer !== "unknown") return answer === "open";
  }
  return (await signs.beat()) !== "silent"; // 3. and 4.
}

/** Locks of earlier versions name no namespace. For these, one host is one namespace. */
function seesPids(holder: LockHolder, self: ProcessPlace): boolean {
  if (!known(holder.bootId) || !known(holder.pidNamespace)) {
    return holder.host === self.host && !(known(holder.bootId) && known(self.bootId));
  }
  return holder.bootId === self.bootId && holder.pidNamespace === self.pidNamespace;
}

function known<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}

/** What of a run decides which devices take its calls. */
export interface ServedRun {
  readonly id: string;
  readonly threadId: string | null;
  readonly subject: string | null;
  /** Of a child: the run above it that a client has started, and the thread of that one. */
  readonly rootRunId: string | null;
  readonly rootThreadId: string | null;
}

/** What of a device and its connection decides whose calls it takes. */
export interface Service {
  /** The user of the tenant whose device it is; null: the tenant's own. */
  readonly subject: string | null;
  /** The run and the thread that its credential names. */
  readonly onlyRunId: string | null;
  readonly onlyThreadId: string | null;
}

/**
 * Whether the device may take calls of this run at all, by whatever address. `adapters/postgres/recipient-columns.ts`
 * says the same in SQL.
 *
 * 1. A user's device takes calls of that user's runs, and of the operator's. The tenant's own devices take all.
 * 2. A device whose credential names a run or a thread takes no calls of others. Children belong to the run at the top.
 */
export function mayServe(device: Service, run: ServedRun): boolean {
  const isApart = device.subject !== null && run.subject !== null && device.subject !== run.subject; // 1.
  const isNamed =
    (device.onlyRunId === null || [run.id, run.rootRunId].includes(device.onlyRunId)) &&
    (device.onlyThreadId === null || [run.threadId, run.rootThreadId].includes(device.onlyThreadId)); // 2.
  return isNamed && !isApart;
}

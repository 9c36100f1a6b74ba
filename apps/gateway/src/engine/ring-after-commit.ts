import type { Bell } from "../ports/bell.ts";
import type { CallProjection } from "../ports/fleet-store.ts";

/**
 * Rings for whoever should look after a commit: the devices whose calls were dispatched or settled, and the runs that
 * became due.
 */
export function ringAfterCommit(params: {
  readonly bell: Bell;
  readonly tenantId: string;
  readonly calls: readonly CallProjection[];
  readonly wakes: readonly string[];
}): void {
  const { bell, tenantId, calls, wakes } = params;
  const deviceKeys = new Set<string | null>();
  for (const { attempt, recipient } of calls) {
    if (attempt > 0 && recipient !== null) deviceKeys.add(recipient.kind === "key" ? recipient.deviceKey : null);
  }
  for (const deviceKey of deviceKeys) bell.ring({ about: "device", tenantId, deviceKey });
  for (const runId of wakes) bell.ring({ about: "run", runId });
}

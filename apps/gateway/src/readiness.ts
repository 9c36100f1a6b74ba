import type { LiveLog } from "./ports/live-log.ts";
import type { Store } from "./ports/store.ts";

/** Returns what a gateway needs and lacks to serve well, as a sentence for people; null when nothing is missing. */
export async function checkReadiness(gateway: {
  readonly store: Pick<Store, "check">;
  readonly liveLog: Pick<LiveLog, "check">;
  readonly isClosing: boolean;
}): Promise<string | null> {
  if (gateway.isClosing) return "This gateway is going away; ask another one.";
  const missing = await gateway.store.check();
  if (missing !== null) return `The store does not serve: ${missing}`;
  const away = await gateway.liveLog.check();
  if (away === null) return null;
  return `Redis does not serve: ${away}. Runs go on, and watchers are served from Postgres.`;
}

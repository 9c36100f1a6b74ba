import { InvalidSettings } from "./config.ts";
import { SECOND_GATEWAY_LOOK_MS } from "./limits.ts";
import type { Clock } from "./ports/clock.ts";
import type { FleetStore } from "./ports/fleet-store.ts";
import { GATEWAY_TIMEOUT_MS } from "./ports/limits.ts";

/**
 * Throws `InvalidSettings` if another gateway works on this store: a live log in this process serves one gateway only.
 * A gateway that was killed a moment ago still counts as alive, so only one that beats while we look is another one.
 */
export async function refuseSecondGateway(
  fleet: Pick<FleetStore, "countLiveGateways">,
  clock: Pick<Clock, "monotonic" | "after">,
): Promise<void> {
  const startedAt = clock.monotonic();
  const elapsedMs = (): number => clock.monotonic() - startedAt;
  while ((await fleet.countLiveGateways({ withinMs: GATEWAY_TIMEOUT_MS })) > 0) {
    if ((await fleet.countLiveGateways({ withinMs: Math.floor(elapsedMs()) })) > 0) {
      throw new InvalidSettings(
        "Another gateway runs on this DATABASE_URL. Set REDIS_URL, the same for all of them, so that they can tell each other what happens; or end the other one.",
      );
    }
    if (elapsedMs() > SECOND_GATEWAY_LOOK_MS) return;
    await new Promise<void>((resolve) => clock.after(SECOND_GATEWAY_LOOK_MS / 20, resolve));
  }
}

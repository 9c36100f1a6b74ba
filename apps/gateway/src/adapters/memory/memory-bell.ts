import type { Bell, Ring } from "../../ports/bell.ts";
import type { Log } from "../../ports/log.ts";
import { Listeners } from "../../runtime/listeners.ts";

/** The bell of a gateway that runs alone: it rings in this process only. */
export function createMemoryBell({ log }: { readonly log: Log }): Bell {
  const listeners = new Listeners<Ring>(log);
  return {
    ring: (ring) => listeners.tell(ring),
    listen: (listener) => listeners.add(listener),
    async close() {
      listeners.clear();
    },
  };
}

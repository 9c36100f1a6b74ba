import type { Bell, Ring } from "../../ports/bell.ts";

/**
 * The bell of a gateway that runs alone: it rings in this process only. `report` hears what a listener throws, so that
 * one listener's bug reaches neither the others nor whoever rang.
 */
export function createMemoryBell({ report }: { readonly report: (error: unknown) => void }): Bell {
  const listeners = new Set<(ring: Ring) => void>();
  return {
    ring(ring) {
      for (const listener of listeners) {
        try {
          listener(ring);
        } catch (error) {
          report(error);
        }
      }
    },
    listen(listener) {
      // A wrapper of its own, so that the same function listening twice is two listeners.
      const own = (ring: Ring) => listener(ring);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    async close() {
      listeners.clear();
    },
  };
}

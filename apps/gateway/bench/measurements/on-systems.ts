import type { Report } from "../report.ts";
import { startSystems, type Systems } from "../systems.ts";
import type { Measurement } from "./measurement.ts";

/** A measurement of hsafa beside what one would build without it. */
export function onSystems(measure: (systems: Systems) => Promise<readonly Report[]>): Measurement["measure"] {
  return async () => {
    const systems = await startSystems();
    try {
      return await measure(systems);
    } finally {
      await systems.stop();
    }
  };
}

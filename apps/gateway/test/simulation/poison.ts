import type { LoadedRun } from "../../src/ports/fleet-store.ts";
import type { Store } from "../../src/ports/store.ts";

/** The plan of the run that kills every gateway that loads it, in a world that has one. */
const POISON = '"plan 1"';

/** The store of a gateway that dies of what it loads. `onTaken` is called before the gateway has the loaded run. */
export function withPoison(store: Store, onTaken: (runId: string) => void): Store {
  return {
    ...store,
    fleet: {
      ...store.fleet,
      async loadRun(params) {
        const loaded = await store.fleet.loadRun(params);
        if (loaded !== null && isPoison(loaded)) onTaken(params.runId);
        return loaded;
      },
    },
  };
}

function isPoison({ facts }: LoadedRun): boolean {
  return facts.some(({ type, payload }) => type === "message.user" && payload.includes(POISON));
}

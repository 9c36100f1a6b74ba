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
    forTenant(tenantId) {
      const tenant = store.forTenant(tenantId);
      return {
        ...tenant,
        async startRun(params) {
          const outcome = await tenant.startRun(params);
          const isHeld = outcome.kind === "started" && outcome.isHeld;
          if (isHeld && isPoisonText(JSON.stringify(params.messages))) onTaken(params.runId);
          return outcome;
        },
      };
    },
  };
}

/** Whether these are facts of the run that kills, or of a fork of it. */
export function isPoison({ facts }: Pick<LoadedRun, "facts">): boolean {
  return facts.some(({ type, payload }) => type === "message.user" && isPoisonText(payload));
}

function isPoisonText(text: string): boolean {
  return text.includes(POISON);
}

import type { Store } from "../../src/ports/store.ts";
import type { Recorder } from "./recorder.ts";

/**
 * Observes which sessions of devices a gateway knows of. Of a registration whose outcome it does not learn it knows
 * nothing, although the store may have opened a session.
 */
export function observeRegistrations(store: Store, recorder: Recorder): Store {
  return {
    ...store,
    forTenant(tenantId) {
      const tenant = store.forTenant(tenantId);
      return {
        ...tenant,
        async registerDevice(params) {
          const registered = await tenant.registerDevice(params);
          recorder.knownSessions.add(registered.sessionId);
          return registered;
        },
      };
    },
  };
}

import { storeSuite } from "../../../test/contracts/store.suite.ts";
import { systemClock } from "../system/clock.ts";
import { createMemoryStore } from "./store.ts";

storeSuite("memory", async () => {
  const store = createMemoryStore({ clock: systemClock });
  return {
    store,
    connect: async () => ({ store, die: async (gatewayId) => store.cutLifeline(gatewayId) }),
    close: () => store.close(),
  };
});

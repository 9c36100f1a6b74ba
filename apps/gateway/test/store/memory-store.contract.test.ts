import { storeSuite } from "../contracts/store.suite.ts";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { createMemoryStore } from "./memory-store.ts";

storeSuite("memory", {
  processes: "many",
  async open() {
    const store = createMemoryStore({ clock: systemClock });
    return {
      store,
      restart: async () => store.restart(),
      connect: async () => ({ store, die: async (gatewayId) => store.cutLifeline(gatewayId) }),
      close: () => store.close(),
    };
  },
});

import { afterAll, beforeAll, describe } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import { agentsOfStore } from "./store/agents.ts";
import { callsOfStore } from "./store/calls.ts";
import { cancelsOfStore } from "./store/cancels.ts";
import { claimsOfStore } from "./store/claims.ts";
import { commitsOfStore } from "./store/commits.ts";
import { devicesOfStore } from "./store/devices.ts";
import { inputsOfStore } from "./store/inputs.ts";
import { isolationOfStore } from "./store/isolation.ts";
import { lifelinesOfStore, type Process } from "./store/lifelines.ts";
import { readingOfStore } from "./store/reading.ts";
import { startsOfStore } from "./store/starts.ts";
import { threadsOfStore } from "./store/threads.ts";

interface OpenedStore {
  readonly store: Store;
  /** Opens the same database as another process. Null where only one process can. */
  readonly connect: (() => Promise<Process>) | null;
  close(): Promise<void>;
}

/** The guarantees of `ports/store.ts`, for every store. One store serves all tests; each has a tenant of its own. */
export function storeSuite(name: string, open: () => Promise<OpenedStore>): void {
  describe(`store: ${name}`, () => {
    let opened: OpenedStore | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened?.close();
    });
    const whole = (): OpenedStore => {
      if (opened === undefined) throw new Error("the store is opened before the first test");
      return opened;
    };
    const store = (): Store => whole().store;

    agentsOfStore(store);
    startsOfStore(store);
    inputsOfStore(store);
    cancelsOfStore(store);
    claimsOfStore(store);
    commitsOfStore(store);
    readingOfStore(store);
    threadsOfStore(store);
    callsOfStore(store);
    devicesOfStore(store);
    lifelinesOfStore(store, () => whole().connect);
    isolationOfStore(store);
  });
}

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
import { lifelinesOfProcesses, lifelinesOfStore, type Process } from "./store/lifelines.ts";
import { readingOfStore } from "./store/reading.ts";
import { startsOfStore } from "./store/starts.ts";
import { threadsOfStore } from "./store/threads.ts";

interface OpenedStore {
  readonly store: Store;
  close(): Promise<void>;
}

interface SharedStore extends OpenedStore {
  /** Opens the same database as another process. */
  readonly connect: () => Promise<Process>;
}

/** A store that many processes share, or one that a single process can open. */
type OpenStore =
  | { readonly processes: "many"; readonly open: () => Promise<SharedStore> }
  | { readonly processes: "one"; readonly open: () => Promise<OpenedStore> };

/** The guarantees of `ports/store.ts`, for every store. One store serves all tests; each has a tenant of its own. */
export function storeSuite(name: string, { processes, open }: OpenStore): void {
  if (processes === "one") {
    console.warn(
      `SKIPPED: the lifelines of other processes on ${name}, because only one process at a time can open it.`,
    );
  }
  describe(`store: ${name}`, () => {
    let opened: OpenedStore | SharedStore | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened?.close();
    });
    const whole = (): OpenedStore | SharedStore => {
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
    lifelinesOfStore(store);
    describe.skipIf(processes === "one")("in several processes", () => {
      lifelinesOfProcesses(store, () => {
        const it = whole();
        if (!("connect" in it)) throw new Error("a store of one process has no other");
        return it.connect();
      });
    });
    isolationOfStore(store);
  });
}

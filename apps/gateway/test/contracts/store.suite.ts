import { afterAll, beforeAll, describe } from "vitest";
import type { Store } from "../../src/ports/store.ts";
import { agentsOfStore } from "./store/agents.ts";
import { approvalsOfStore } from "./store/approvals.ts";
import { auditOfStore } from "./store/audit.ts";
import { callsOfStore } from "./store/calls.ts";
import { answersOfStore } from "./store/answers.ts";
import { birthsOfStore } from "./store/births.ts";
import { cancelsOfStore } from "./store/cancels.ts";
import { childrenOfStore } from "./store/children.ts";
import { claimsOfStore } from "./store/claims.ts";
import { commitsOfStore } from "./store/commits.ts";
import { deviceOwnersOfStore } from "./store/device-owners.ts";
import { devicesOfStore } from "./store/devices.ts";
import { filesOfStore } from "./store/files.ts";
import { forksOfStore } from "./store/forks.ts";
import { generationsOfStore } from "./store/generations.ts";
import { inputsOfStore } from "./store/inputs.ts";
import { isolationOfStore } from "./store/isolation.ts";
import { keysOfStore } from "./store/keys.ts";
import { lifelinesOfProcesses, lifelinesOfStore, type Process } from "./store/lifelines.ts";
import { pairingOfStore } from "./store/pairing.ts";
import { readingOfStore } from "./store/reading.ts";
import { runFiltersOfStore } from "./store/run-filters.ts";
import { secretsOfStore } from "./store/secrets.ts";
import { startPoliciesOfStore } from "./store/start-policies.ts";
import { startsOfStore } from "./store/starts.ts";
import { subjectsOfStore } from "./store/subjects.ts";
import { usageOfStore } from "./store/usage.ts";
import { fleetOfStore } from "./store/fleet.ts";
import { tenantsOfStore } from "./store/tenants.ts";
import { threadLifeOfStore } from "./store/thread-life.ts";
import { threadsOfStore } from "./store/threads.ts";

interface OpenedStore {
  readonly store: Store;
  /** Lets the server of the store start anew, as far as the store can tell. */
  restart(): Promise<void>;
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
    birthsOfStore(store);
    subjectsOfStore(store);
    runFiltersOfStore(store);
    inputsOfStore(store);
    cancelsOfStore(store);
    claimsOfStore(store);
    commitsOfStore(store);
    childrenOfStore(store);
    readingOfStore(store);
    threadsOfStore(store);
    threadLifeOfStore(store);
    startPoliciesOfStore(store);
    forksOfStore(store);
    secretsOfStore(store);
    filesOfStore(store);
    callsOfStore(store);
    answersOfStore(store);
    approvalsOfStore(store);
    devicesOfStore(store);
    deviceOwnersOfStore(store);
    pairingOfStore(store);
    lifelinesOfStore(store);
    describe.skipIf(processes === "one")("in several processes", () => {
      lifelinesOfProcesses(store, () => {
        const it = whole();
        if (!("connect" in it)) throw new Error("a store of one process has no other");
        return it.connect();
      });
    });
    usageOfStore(store);
    isolationOfStore(store);
    generationsOfStore(store, () => whole().restart());
    keysOfStore(store);
    tenantsOfStore(store);
    fleetOfStore(store);
    auditOfStore(store);
  });
}

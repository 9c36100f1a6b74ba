import { defineConfig } from "vitest/config";

// Starts Postgres and Redis for the projects that name it. Unit tests must not need them.
const sharedServers = "apps/gateway/test/services/shared-servers.ts";

const compiledPrograms = "apps/gateway/test/services/compiled-programs.ts";

const packedFolder = "apps/cli/test/e2e/packed-folder.ts";

// V8 has a fault in how it frees the code of WebAssembly (nodejs/node#64500). A process that opens and closes many
// databases meets it now and then. So tests free no code, nor does a gateway, which opens one database.
const keptCode = {
  execArgv: ["--no-wasm-code-gc", "--disable-warning=ExperimentalWarning"],
  setupFiles: ["apps/gateway/test/services/kept-type-stripper.ts"],
};

// Files that start programs wait a third of their time: three of them keep two cores busy.
const WORKERS_THAT_WAIT = 3;

// What is polled may come late on a busy machine, as all that a test waits for.
const patience = { expect: { poll: { timeout: 20_000 } } };

// The time limits allow for a busy machine with two cores. A test waits for conditions, so a long limit costs nothing
// while the test passes.
export default defineConfig({
  test: {
    maxWorkers: 2,
    teardownTimeout: 30_000,
    projects: [
      {
        test: {
          name: "unit",
          ...patience,
          include: ["{packages,apps}/*/{src,test}/**/*.test.ts", "scripts/**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "**/dist/**",
            "**/*.contract.test.ts",
            "**/test/{contracts,services,e2e,chaos}/**",
            "**/test/abuse/short-abuse.test.ts",
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "contract",
          ...patience,
          ...keptCode,
          maxWorkers: WORKERS_THAT_WAIT,
          globalSetup: [compiledPrograms, sharedServers],
          include: [
            "{packages,apps}/*/src/**/*.contract.test.ts",
            "apps/*/test/{contracts,services,store}/**/*.test.ts",
          ],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "e2e",
          ...patience,
          ...keptCode,
          maxWorkers: WORKERS_THAT_WAIT,
          globalSetup: [compiledPrograms, sharedServers, packedFolder],
          include: ["{packages,apps}/*/test/e2e/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "chaos",
          ...patience,
          globalSetup: [compiledPrograms, sharedServers],
          include: ["apps/gateway/test/chaos/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 60_000,
          // It runs alone: it starts a dozen processes, and other tests would distort what it measures.
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          name: "abuse",
          ...patience,
          globalSetup: compiledPrograms,
          include: ["apps/gateway/test/abuse/short-abuse.test.ts"],
          testTimeout: 300_000,
          // It runs alone too, since it measures times.
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
});

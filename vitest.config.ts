import { defineConfig } from "vitest/config";

// Durations allow for a machine of two busy cores: a test waits for conditions, so a long limit costs nothing while it
// passes.
export default defineConfig({
  test: {
    globalSetup: "apps/gateway/test/services/shared-servers.ts",
    maxWorkers: 2,
    teardownTimeout: 30_000,
    projects: [
      {
        test: {
          name: "unit",
          include: ["{packages,apps}/*/{src,test}/**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "**/dist/**",
            "**/*.contract.test.ts",
            "**/test/{contracts,services,e2e,chaos}/**",
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "contract",
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
          include: ["{packages,apps}/*/test/e2e/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "chaos",
          include: ["apps/gateway/test/chaos/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 60_000,
          // Alone: it starts a dozen processes, and what it measures should not be the other tests.
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});

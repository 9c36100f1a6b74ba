import { describe, expect, test } from "vitest";
import { brokenRules } from "./architecture-rules.ts";
import { repositorySources } from "./architecture-source.ts";

test("every source keeps to its layer and its purity, and leaves the environment alone (R1)", () => {
  expect(brokenRules(repositorySources())).toEqual([]);
});

const gateway = "apps/gateway/src";

function faultsOf(path: string, text: string): string[] {
  return brokenRules([{ path, text }]);
}

describe("the rules refuse", () => {
  test.each([
    ["a package in the protocol", "packages/protocol/src/run.ts", `import "node:fs"`],
    ["the schema library in the protocol's types", "packages/protocol/src/run.ts", `import { z } from "zod"`],
    ["a schema in the protocol's types", "packages/protocol/src/run.ts", `import { x } from "./schema/run.ts"`],
    ["a Node built-in in the client", "packages/client/src/run-stream.ts", `import { once } from "node:events"`],
    ["React outside the client's react folder", "packages/client/src/client.ts", `import { useState } from "react"`],
    ["a package in core", `${gateway}/core/decide.ts`, `import { z } from "zod"`],
    ["a port in core, if only its type", `${gateway}/core/decide.ts`, `import type { Store } from "../ports/store.ts"`],
    ["a value of core in a port", `${gateway}/ports/store.ts`, `import { evolve } from "../core/evolve.ts"`],
    ["a package in a port", `${gateway}/ports/store.ts`, `import type { Pool } from "pg"`],
    ["control in engine", `${gateway}/engine/worker.ts`, `import { cancel } from "../control/cancel.ts"`],
    ["engine in control", `${gateway}/control/cancel.ts`, `import type { Worker } from "../engine/worker.ts"`],
    ["following in control", `${gateway}/control/cancel.ts`, `import { hub } from "../follow/follow-hub.ts"`],
    ["the devices in control", `${gateway}/control/cancel.ts`, `import type { A } from "../devices/a.ts"`],
    ["the devices in following", `${gateway}/follow/watcher.ts`, `import { a } from "../devices/a.ts"`],
    ["the edge in following", `${gateway}/follow/watcher.ts`, `import { a } from "../edge/stream/a.ts"`],
    ["following in devices", `${gateway}/devices/a.ts`, `import { a } from "../follow/watcher.ts"`],
    ["engine in devices", `${gateway}/devices/a.ts`, `import { a } from "../engine/engine.ts"`],
    ["another use case in devices", `${gateway}/devices/a.ts`, `import { a } from "../control/start-run.ts"`],
    ["control in access", `${gateway}/access/a.ts`, `import { a } from "../control/start-run.ts"`],
    ["an adapter in assemble", `${gateway}/assemble.ts`, `import { a } from "./adapters/redis/bell.ts"`],
    ["the edge in assemble", `${gateway}/assemble.ts`, `import { a } from "./edge/http/server.ts"`],
    ["engine in the shared runtime", `${gateway}/runtime/a.ts`, `import "../engine/engine.ts"`],
    ["an adapter in engine", `${gateway}/engine/worker.ts`, `export * from "../adapters/redis/bell.ts"`],
    ["a vendor in control", `${gateway}/control/cancel.ts`, `const redis = await import("@redis/client")`],
    ["engine in edge", `${gateway}/edge/routes.ts`, `import { tick } from "../engine/tick.ts"`],
    ["core in edge", `${gateway}/edge/routes.ts`, `import type { RunState } from "../core/state.ts"`],
    ["a value of a port in edge", `${gateway}/edge/routes.ts`, `import { x } from "../ports/bell.ts"`],
    ["a vendor in edge", `${gateway}/edge/routes.ts`, `import { Client } from "pg"`],
    [
      "a rule of core in an adapter",
      `${gateway}/adapters/redis/bell.ts`,
      `import { evolve } from "../../core/evolve.ts"`,
    ],
    ["one adapter in another", `${gateway}/adapters/redis/bell.ts`, `import { x } from "../memory/bell.ts"`],
    ["another's vendor in an adapter", `${gateway}/adapters/redis/bell.ts`, `import { Client } from "pg"`],
    [
      "a known vendor in a new adapter",
      `${gateway}/adapters/ajv/schemas.ts`,
      `import { createClient } from "@redis/client"`,
    ],
    ["control in an adapter", `${gateway}/adapters/redis/bell.ts`, `import { x } from "../../control/cancel.ts"`],
    ["anything in config", `${gateway}/config.ts`, `import { z } from "zod"`],
    ["config below the wiring", `${gateway}/engine/worker.ts`, `import { config } from "../config.ts"`],
    ["the gateway in a thin command", "apps/cli/src/commands/watch.ts", `import { openGateway } from "#gateway"`],
    ["the gateway's inside in the console", "apps/console/src/main.tsx", `import "../../gateway/src/core/evolve.ts"`],
    ["another library in the console", "apps/console/src/main.tsx", `import { z } from "zod"`],
    ["the gateway's inside in the command line", "apps/cli/src/main.ts", `import "../../gateway/src/gateway.ts"`],
    [
      "another package's folder by path",
      `${gateway}/core/decide.ts`,
      `import "../../../../packages/protocol/src/run.ts"`,
    ],
    ["a type import in an expression", `${gateway}/core/decide.ts`, `type Pool = import("pg").Pool`],
    ["an import that is computed", `${gateway}/engine/worker.ts`, `const name = "pg"; void import(name)`],
    ["a file outside every layer", `${gateway}/extra/thing.ts`, ""],
    ["the environment outside config", `${gateway}/main.ts`, `const port = process.env.PORT`],
    ["the environment in brackets", `${gateway}/main.ts`, `const port = process["env"]["PORT"]`],
    ["the environment by destructuring", `${gateway}/main.ts`, `const { env } = process`],
    ["the environment by import", `${gateway}/main.ts`, `import { env } from "node:process"`],
    ["await in core", `${gateway}/core/decide.ts`, `await null`],
    ["async in core", `${gateway}/core/decide.ts`, `const f = async () => 1`],
    ["the clock in core", `${gateway}/core/decide.ts`, `const now = Date.now()`],
    ["the clock as a date in core", `${gateway}/core/decide.ts`, `const now = new Date()`],
    ["chance in core", `${gateway}/core/decide.ts`, `const jitter = Math.random()`],
    ["chance in an identifier in core", `${gateway}/core/decide.ts`, `const id = crypto.randomUUID()`],
    ["a numbered SQL parameter", `${gateway}/adapters/postgres/a.ts`, `const text = "select $1::int"`],
    ["a numbered SQL parameter in a template", `${gateway}/adapters/postgres/a.ts`, "const text = `${x} = $12`"],
    ["a print beside the terminal's file", "apps/cli/src/commands/runs.ts", `console.log("run")`],
    ["a write beside the terminal's file", "apps/cli/src/follow-run.ts", `process.stdout.write("run")`],
    ["a timer in core", `${gateway}/core/decide.ts`, `setTimeout(() => {}, 1)`],
  ])("%s", (_name, path, text) => {
    expect(faultsOf(path, text)).toHaveLength(1);
  });
});

describe("the rules allow", () => {
  test.each([
    [
      "the schema library in the protocol's schemas",
      "packages/protocol/src/schema/run.ts",
      `import { z } from "zod"; import "../ids.ts"`,
    ],
    ["React in the client's react folder", "packages/client/src/react/use-run.ts", `import { useState } from "react"`],
    ["dates that were given to core", `${gateway}/core/decide.ts`, `const f = (now: number) => new Date(now)`],
    [
      "words of the rules in comments and strings",
      `${gateway}/core/decide.ts`,
      `/* await pg */ const s = "Date.now()"`,
    ],
    ["core's types in ports", `${gateway}/ports/store.ts`, `import type { RunState } from "../core/state.ts"`],
    [
      "ports and core in engine",
      `${gateway}/engine/tick.ts`,
      `import { a } from "../core/decide.ts"; import "../ports/store.ts"`,
    ],
    ["the schema library where JSON comes in", `${gateway}/access/token.ts`, `import { z } from "zod"`],
    ["the store's error in edge", `${gateway}/edge/a.ts`, `import { StoreUnavailable } from "../ports/store.ts"`],
    ["limits of ports in edge", `${gateway}/edge/a.ts`, `import { A_MAX } from "../ports/limits.ts"`],
    ["results in devices", `${gateway}/devices/a.ts`, `import { a } from "../control/submit-tool-result.ts"`],
    ["every part in assemble", `${gateway}/assemble.ts`, `import "./engine/engine.ts"; import "./follow/a.ts"`],
    ["the shared runtime in devices", `${gateway}/devices/a.ts`, `import { a } from "../runtime/recurring.ts"`],
    [
      "a shared rule of core in an adapter",
      `${gateway}/adapters/postgres/a.ts`,
      `import { firstFacts } from "../../core/first-facts.ts"`,
    ],
    ["numbers in the template of SQL", `${gateway}/adapters/postgres/statement.ts`, "const text = `$1`"],
    ["limits in an adapter", `${gateway}/adapters/redis/bell.ts`, `import { x } from "../../core/limits.ts"`],
    ["an adapter's own vendor", `${gateway}/adapters/redis/bell.ts`, `import { createClient } from "@redis/client"`],
    ["a new adapter's own vendor", `${gateway}/adapters/ajv/schemas.ts`, `import { Ajv } from "ajv"`],
    [
      "everything in the wiring",
      `${gateway}/gateway.ts`,
      `import "./engine/tick.ts"; import "./config.ts"; import "pino"`,
    ],
    ["the environment in config", `${gateway}/config.ts`, `export const port = process.env.PORT`],
    ["the table of settings in config", `${gateway}/config.ts`, `import { a } from "./settings-table.ts"`],
    ["a gateway in dev", "apps/cli/src/commands/dev.ts", `import { openGateway } from "#gateway"`],
    ["the user's own modules in their one place", "apps/cli/src/user-module.ts", `const file = "x"; void import(file)`],
    ["an output in the file that prints", "apps/cli/src/terminal.ts", `process.stderr.write("note")`],
    ["anything in a test", `${gateway}/core/decide.test.ts`, `import { test } from "vitest"; const now = Date.now()`],
  ])("%s", (_name, path, text) => {
    expect(faultsOf(path, text)).toEqual([]);
  });
});

/**
 * Generates Prisma's client after every install, without a download.
 *
 * Plain JavaScript, because `npm ci` may run this on the machine's own older Node, before the Node that the repository brings along is linked.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const gatewayFolder = fileURLToPath(new URL("../apps/gateway/", import.meta.url));
const schema = `${gatewayFolder}prisma/schema.prisma`;

if (existsSync(schema)) {
  const prisma = createRequire(`${gatewayFolder}package.json`).resolve("prisma/build/index.js");
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [prisma, "generate", "--schema", schema], {
    cwd: gatewayFolder,
    encoding: "utf8",
    // `generate` needs no engine, yet the CLI fetches one first unless it is told of one; any program that exists will do.
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: "1",
      CHECKPOINT_DISABLE: "1",
    },
  });
  if (status !== 0) {
    console.error(
      `Prisma's client could not be generated from ${schema}.\n${error ?? ""}${stdout ?? ""}${stderr ?? ""}`,
    );
    process.exit(status ?? 1);
  }
}

/**
 * `npm ci` runs this. It makes Prisma's client, the empty database that an embedded gateway unpacks at its first start,
 * and the console. It downloads nothing.
 *
 * It is plain JavaScript, because `npm ci` may run it on the machine's own, older Node. The repository's Node is not
 * linked yet then.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const gatewayFolder = fileURLToPath(new URL("../apps/gateway/", import.meta.url));
const schema = `${gatewayFolder}prisma/schema.prisma`;
const gatewayModules = createRequire(`${gatewayFolder}package.json`);

generatePrismaClient();
runScript("make-database-template.ts", "The embedded database is made at its first start instead of now.");
runScript("build-console.ts", "The console was not built, so a gateway says how: npm run build-console.");

function generatePrismaClient() {
  const prisma = gatewayModules.resolve("prisma/build/index.js");
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [prisma, "generate", "--schema", schema], {
    cwd: gatewayFolder,
    encoding: "utf8",
    // `generate` needs no engine. Yet the CLI downloads one unless this names one; any program that exists will do.
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: "1",
      CHECKPOINT_DISABLE: "1",
    },
  });
  if (status === 0) return;
  console.error(`Prisma's client could not be generated from ${schema}.\n${error ?? ""}${stdout ?? ""}${stderr ?? ""}`);
  process.exit(status ?? 1);
}

/**
 * Runs a script of this folder by the repository's own Node. If it fails, a gateway works without what it makes.
 *
 * @param {string} name
 * @param {string} otherwise
 */
function runScript(name, otherwise) {
  const ownNode = fileURLToPath(new URL("../node_modules/node/bin/node", import.meta.url));
  const script = fileURLToPath(new URL(name, import.meta.url));
  const { status, stderr } = spawnSync(existsSync(ownNode) ? ownNode : process.execPath, [script], {
    encoding: "utf8",
  });
  if (status !== 0) console.warn(`${otherwise}\n${stderr}`);
}

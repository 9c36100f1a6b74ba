/**
 * `npm ci` runs this. It makes the empty database that an embedded gateway unpacks at its first start, and the console.
 * It downloads nothing.
 *
 * It is plain JavaScript, because `npm ci` may run it on the machine's own, older Node. The repository's Node is not
 * linked yet then.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

runScript("make-database-template.ts", "The embedded database is made at its first start instead of now.");
runScript("build-console.ts", "The console was not built, so a gateway says how: npm run build-console.");

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

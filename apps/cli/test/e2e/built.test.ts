import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../../../..");
const folder = mkdtempSync(join(tmpdir(), "hsafa-built-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Lays out `node_modules` as an install of the published packages would: built code alone, beside its dependencies. */
function install(): void {
  const modules = join(folder, "node_modules");
  const { workspaces } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { workspaces: string[] };
  for (const workspace of workspaces) {
    const dist = join(root, workspace, "dist");
    const { name } = JSON.parse(readFileSync(join(dist, "package.json"), "utf8")) as { name: string };
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    cpSync(dist, join(modules, name), { recursive: true });
  }
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name === "@hsafa" || name === "hsafa") continue;
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
}

test("the built packages start a gateway without the sources, with its migrations and its database", async () => {
  await promisify(execFile)(process.execPath, [join(root, "scripts/build.ts")]);
  install();
  const { PATH, HOME } = process.env;
  const gateway = spawn(process.execPath, [join(folder, "node_modules/hsafa/bin/hsafa.js"), "start"], {
    cwd: folder,
    env: { PATH, HOME, PORT: "0", HSAFA_DATA_DIR: join(folder, "data") },
  });
  let printed = "";
  const closed = once(gateway, "close");
  const url = await new Promise<string>((resolve, reject) => {
    for (const output of [gateway.stdout, gateway.stderr]) {
      output.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
        const match = /listening on (\S+)/.exec(printed);
        if (match !== null) resolve(match[1] ?? "");
      });
    }
    gateway.once("close", () => reject(new Error(`the gateway ended and said:\n${printed}`)));
  });
  const ready = await fetch(`${url}/ready`);
  gateway.kill("SIGTERM");
  const [code] = (await closed) as [number | null];
  expect(ready.status).toBe(200);
  expect(code).toBe(0);
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { relative, resolve } from "node:path";
import { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import { createProject, versionHere } from "../create-project.ts";
import { withProgress } from "../progress.ts";
import { lines, own } from "../shown.ts";
import { note, report } from "../terminal.ts";

interface Options {
  readonly install: boolean;
  readonly packages?: string;
  readonly json?: true;
}

export const init = new CliCommand("init")
  .argument("[folder]", "an empty or a new one", ".")
  .option("--no-install", "do not run npm install")
  .option("--packages <folder>", "install hsafa from the tarballs in this folder, as 'npm run pack' makes them")
  .printsJson("folder and files")
  .example("init my-agents", "writes an agent, a device and a page, and installs what they need")
  .action(async (folder: string, { install, packages, json }: Options) => {
    const version = versionHere(createRequire(import.meta.url).resolve("hsafa/package.json"));
    const files = createProject({ folder, version, tarballs: packages });
    if (install) {
      if (json !== true) note(own`wrote ${files.length} files; installing packages ...`);
      await withProgress(json, async (progress) => {
        progress.tell(own`npm install`);
        await installPackages(folder);
      });
    }
    const place = relative("", resolve(folder));
    const enter = place === "" ? [] : [own`  cd ${place}`];
    const first = install ? [] : [own`  npm install`];
    report(
      json,
      { folder: resolve(folder), files },
      lines([
        own`Made a project in ${resolve(folder)}. Next:`,
        ...enter,
        ...first,
        own`  npm run dev                                   # gateway, device and page`,
        own`  npx hsafa run assistant "What time is it?"    # in another terminal`,
      ]),
    );
  });

async function installPackages(folder: string): Promise<void> {
  // What npm says is no result of this command.
  const args = ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel", "error"];
  const child = spawn("npm", args, {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0)
    throw new CliError(own`'npm install' failed in ${resolve(folder)}; the files are there. Run it again.`);
}

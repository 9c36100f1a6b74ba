import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { CliError } from "./cli-error.ts";
import { own } from "./shown.ts";

/** What a project needs beside hsafa. These versions were tried together. */
const DEPENDENCIES = { react: "^19.2.0", "react-dom": "^19.2.0" };
const DEV_DEPENDENCIES = {
  "@types/node": "^24.0.0",
  "@types/react": "^19.2.0",
  "@types/react-dom": "^19.2.0",
  typescript: "^5.9.0 || ^7.0.0",
  vite: "^8.0.0",
};

/** The packages of hsafa, and the beginning of their tarballs' names. */
const OURS = { hsafa: "hsafa-[0-9]", "@hsafa/client": "hsafa-client-", "@hsafa/protocol": "hsafa-protocol-" };

/** npm leaves files of these names out of a package, so the template has them without the dot. */
const DOTTED = ["gitignore", "env"];

/** What stands in a folder that somebody has just made. Anything else is somebody's work. */
const OF_NEW_FOLDER = new Set([".git", ".DS_Store"]);

/**
 * Writes a project into a folder that is empty, or is not there. `version`: of hsafa's packages. `tarballs`: a folder
 * with their tarballs, to install them from there. Throws `CliError` for a folder that holds anything, and writes
 * nothing then. Returns the files, from that folder on.
 */
export function createProject(params: {
  readonly folder: string;
  readonly version: string;
  readonly tarballs: string | undefined;
}): string[] {
  const folder = resolve(params.folder);
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => !OF_NEW_FOLDER.has(name)) : [];
  if (found.length > 0) {
    throw new CliError(
      own`${folder} is not empty: it holds ${found.slice(0, 3).join(", ")}. Nothing was written; name an empty or a new folder.`,
    );
  }
  const ours = dependenciesOf(params.version, params.tarballs);
  const template = fileURLToPath(new URL("../template/", import.meta.url));
  if (!existsSync(template)) throw new Error(`the template is missing at ${template}`);
  mkdirSync(folder, { recursive: true });
  cpSync(template, folder, { recursive: true, errorOnExist: true, force: false });
  for (const name of DOTTED) renameSync(join(folder, name), join(folder, `.${name}`));
  const manifest = {
    name: nameOf(folder),
    private: true,
    type: "module",
    scripts: { dev: "node dev.ts", check: "tsc", build: "vite build" },
    dependencies: { ...ours, ...DEPENDENCIES },
    devDependencies: DEV_DEPENDENCIES,
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`, { flag: "wx" });
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

/** The packages of hsafa as the project names them. */
function dependenciesOf(version: string, tarballs: string | undefined): Record<string, string> {
  if (tarballs === undefined) return { hsafa: `^${version}`, "@hsafa/client": `^${version}` };
  return Object.fromEntries(
    Object.entries(OURS).map(([name, begin]) => {
      const [file] = globSync(`${begin}*.tgz`, { cwd: tarballs });
      if (file === undefined)
        throw new CliError(own`${tarballs} holds no tarball of ${name}; 'npm run pack' makes them.`);
      return [name, `file:${resolve(tarballs, file)}`];
    }),
  );
}

/** A name that npm takes. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "");
  return name === "" ? "my-agents" : name;
}

/** Returns the version of this package, which is that of all packages of hsafa. */
export function versionHere(manifestPath: string): string {
  return (JSON.parse(readFileSync(manifestPath, "utf8")) as { version: string }).version;
}

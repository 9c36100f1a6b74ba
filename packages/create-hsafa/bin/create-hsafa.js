#!/usr/bin/env node
// `npm create hsafa <folder>` is `hsafa init <folder>`: the project then has the very version that made it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const manifestPath = createRequire(import.meta.url).resolve("hsafa/package.json");
const manifest = /** @type {{ bin: { hsafa: string } }} */ (JSON.parse(readFileSync(manifestPath, "utf8")));
process.argv.splice(2, 0, "init");
await import(pathToFileURL(join(dirname(manifestPath), manifest.bin.hsafa)).href);

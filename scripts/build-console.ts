/**
 * `npm run build-console`: builds the console into the gateway, which serves it at `/`. `npm ci` does it, too.
 */
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "vite";
import { ROOT } from "./packages.ts";

/** Where the gateway reads it. */
const TARGET = join(ROOT, "apps/gateway/console");

if (import.meta.main) await buildConsole();

/** Builds the console, and compresses what is worth it. */
export async function buildConsole(): Promise<void> {
  // A program of tests has another mode, and React would be built for development.
  process.env.NODE_ENV = "production";
  rmSync(TARGET, { recursive: true, force: true });
  await build({ root: join(ROOT, "apps/console"), logLevel: "warn", build: { outDir: TARGET } });
  for (const file of globSync("assets/*.{js,css}", { cwd: TARGET })) {
    const path = join(TARGET, file);
    const bytes = readFileSync(path);
    if (bytes.length < 1024) continue;
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  }
}

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The options of PGlite for its WebAssembly. */
interface PgliteModules {
  readonly pgliteWasmModule: object;
  readonly initdbWasmModule: object;
}

/** The types of Node do not name it. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: { compile(bytes: Uint8Array): Promise<object> };
};

let modules: Promise<PgliteModules> | undefined;

/**
 * Returns PGlite's WebAssembly. It is compiled once in a process and kept until its end. Otherwise V8 frees the code of
 * a database that was closed, and a fault of its own then ends the process now and then (nodejs/node#64500).
 */
export function pgliteModules(): Promise<PgliteModules> {
  modules ??= compileModules();
  return modules;
}

async function compileModules(): Promise<PgliteModules> {
  const folder = dirname(createRequire(import.meta.url).resolve("@electric-sql/pglite"));
  const compiled = async (name: string): Promise<object> => WebAssembly.compile(await readFile(join(folder, name)));
  const [pgliteWasmModule, initdbWasmModule] = await Promise.all([compiled("pglite.wasm"), compiled("initdb.wasm")]);
  return { pgliteWasmModule, initdbWasmModule };
}

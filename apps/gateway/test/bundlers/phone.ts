import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createContext, runInContext } from "node:vm";
import { blocksOf } from "../support/document-page.ts";

const run = promisify(execFile);

/** Metro bundles for React Native, and Hermes executes there. Other versions may be tried by hand. */
const TOOLS = ["metro@0.83", "@react-native/babel-preset@0.82", "@babel/core@7", "hermes-compiler@0"];
const STEP_MAX_MS = 300_000;

/** The number of the recipe among the blocks of docs/devices.md. */
const RECIPE = 3;

/**
 * The recipe for phones, as far as a machine without a phone can play it. Metro builds it, and Hermes' compiler takes
 * it. Node executes it with no more globals than React Native has.
 */
export interface PhoneApp {
  /** Starts the app anew. What it stored stays. Resolves once its device is online. */
  start(): Promise<PhoneDevice>;
}

/** The device of an app that runs. */
export interface PhoneDevice {
  readonly deviceKey: string;
  close(): void;
}

/** Builds the app in a folder of its own. `tarballs`: the packages of hsafa. */
export async function buildPhoneApp(
  folder: string,
  {
    tarballs,
    env,
    settings,
  }: { readonly tarballs: readonly string[]; readonly env: NodeJS.ProcessEnv; readonly settings: object },
): Promise<PhoneApp> {
  mkdirSync(join(folder, "storage"), { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write("package.json", `{ "private": true }`);
  const quietly = ["--no-audit", "--no-fund", "--prefer-offline"];
  await run("npm", ["install", ...quietly, ...tarballs, ...TOOLS], { cwd: folder, env, timeout: STEP_MAX_MS });
  const { code: recipe } = blocksOf("docs/devices.md")[RECIPE] ?? { code: "" };
  if (!recipe.includes("AsyncStorage")) throw new Error("docs/devices.md has its recipe for phones elsewhere");
  write("babel.config.js", `module.exports = { presets: ["@react-native/babel-preset"] };`);
  // The storage of a phone is native code. Here it is an object of the host.
  write("storage/index.js", `export default globalThis.phone.storage;`);
  write(
    "app.ts",
    `import { createDevice } from "@hsafa/client";
    ${recipe.match(/^import .*$/m)?.[0] ?? ""}
    async function begin() {
      const { url, token } = globalThis.phone.settings;
      const getToken = async () => token;
      const tools = { add: { inputSchema: {}, execute: ({ a, b }) => a + b } };
      ${recipe.replaceAll(/^import .*$/gm, "")}
      await device.whenOnline();
      globalThis.phone.online({ deviceKey, close: () => device.close() });
    }
    begin().catch((error) => globalThis.phone.failed(String(error)));`,
  );
  write(
    "build.mjs",
    `import Metro from "metro";
    const config = await Metro.loadConfig({}, {
      projectRoot: import.meta.dirname,
      resolver: {
        unstable_enablePackageExports: true,
        extraNodeModules: { "@react-native-async-storage/async-storage": import.meta.dirname + "/storage" },
      },
    });
    const quiet = { ...config, reporter: { update() {} } };
    await Metro.runBuild(quiet, { entry: "app.ts", platform: "ios", dev: false, minify: false, out: "bundle.js" });`,
  );
  await run(process.execPath, ["build.mjs"], { cwd: folder, env, timeout: STEP_MAX_MS });
  const compiler = join(folder, "node_modules/hermes-compiler/hermesc", HERMES_FOLDERS[process.platform] ?? "");
  await run(join(compiler, "hermesc"), ["-w", "-emit-binary", "-out", "bundle.hbc", "bundle.js"], { cwd: folder });
  const code = readFileSync(join(folder, "bundle.js"), "utf8");
  const stored = new Map<string, string>();
  return {
    start: () =>
      new Promise((resolve, reject) => {
        const storage = {
          getItem: (key: string) => Promise.resolve(stored.get(key) ?? null),
          setItem: (key: string, value: string) => Promise.resolve(void stored.set(key, value)),
          removeItem: (key: string) => Promise.resolve(void stored.delete(key)),
        };
        const failed = (reason: string): void => reject(new Error(reason));
        const phone = { storage, settings, online: resolve, failed };
        runInContext(code, createContext({ ...globalsOfReactNative(), phone }));
      }),
  };
}

const HERMES_FOLDERS: Readonly<Record<string, string>> = { linux: "linux64-bin", darwin: "osx-bin" };

/** Its signals know no reason, and its `fetch` streams nothing. It has neither `crypto` nor anything of Node. */
function globalsOfReactNative(): object {
  class Signal {
    aborted = false;
    readonly #listeners = new Set<() => void>();
    addEventListener(_type: "abort", listener: () => void): void {
      this.#listeners.add(listener);
    }
    removeEventListener(_type: "abort", listener: () => void): void {
      this.#listeners.delete(listener);
    }
    abort(): void {
      this.aborted = true;
      for (const listener of this.#listeners) listener();
    }
  }
  class Controller {
    readonly signal = new Signal();
    abort(): void {
      this.signal.abort();
    }
  }
  return {
    AbortController: Controller,
    WebSocket,
    clearInterval,
    clearTimeout,
    console,
    // A request is cut by its signal there too. Nothing here waits for that.
    fetch: (url: string, init: RequestInit = {}) => fetch(url, { ...init, signal: null }),
    navigator: { product: "ReactNative" },
    performance: { now: () => performance.now() },
    setInterval,
    setTimeout,
  };
}

/**
 * `npm run node-versions`: packs the packages, installs them in empty projects, and uses them with the oldest Node that
 * they promise and with the present one. The command and the gateway run on 22.12 and 24, the client also on 20. Exits
 * with 0 only if all work.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { programEnv } from "../../../gateway/test/support/program-env.ts";

/** The versions of the npm package `node`, which brings the program. */
const OF_COMMAND = ["22.12.0", "24"];
const OF_CLIENT = "20";
const STEP_MAX_MS = 300_000;

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../../..");
const base = mkdtempSync(join(tmpdir(), "hsafa-node-versions-"));
const tarballs = join(base, "tarballs");
const { NODE_EXTRA_CA_CERTS } = process.env;
const env = { ...programEnv(), NO_COLOR: "1", ...(NODE_EXTRA_CA_CERTS === undefined ? {} : { NODE_EXTRA_CA_CERTS }) };

/** A project of somebody else, with a Node of its own. */
interface Project {
  readonly folder: string;
  readonly node: string;
  /** Runs a program with that Node, and returns what it wrote. */
  run(file: string, ...args: string[]): Promise<string>;
}

async function install(version: string, names: RegExp, more: readonly string[] = []): Promise<Project> {
  const folder = join(base, `node-${version}`);
  mkdirSync(folder);
  // The package `node` fetches its program by a script of its own.
  writeFileSync(join(folder, "package.json"), `{ "private": true, "allowScripts": { "node": true } }`);
  const files = readdirSync(tarballs).filter((name) => names.test(name));
  const packages = [...files.map((name) => join(tarballs, name)), `node@${version}`, ...more];
  const quietly = ["--no-audit", "--no-fund", "--prefer-offline"];
  await run("npm", ["install", ...quietly, ...packages], { cwd: folder, env, timeout: STEP_MAX_MS });
  const node = join(folder, "node_modules/node/bin/node");
  return {
    folder,
    node,
    async run(file, ...args) {
      const { stdout, stderr } = await run(node, [file, ...args], { cwd: folder, env, timeout: STEP_MAX_MS });
      return stdout + stderr;
    },
  };
}

let failed = 0;
/** Does one thing, and says whether it works and how long it took. Resolves with null if it does not. */
async function check<T>(what: string, work: () => Promise<T>): Promise<T | null> {
  const since = performance.now();
  try {
    const done = await work();
    console.log(`PASS ${what}: ${((performance.now() - since) / 1000).toFixed(1)} s`);
    return done;
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${what}: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

function expectText(text: string, part: string | RegExp): void {
  if (typeof part === "string" ? !text.includes(part) : !part.test(text))
    throw new Error(`expected ${String(part)} in:\n${text}`);
}

/** Starts `hsafa dev`, and returns its address. */
async function startDev({ folder, node }: Project): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const child = spawn(node, ["node_modules/hsafa/dist/bin/hsafa.js", "dev", "--port", "0"], { cwd: folder, env });
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    for (const output of [child.stdout, child.stderr])
      output.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const [, found] = /listening on (\S+)/.exec(said) ?? [];
        if (found !== undefined) resolve(found);
      });
    child.once("exit", () => reject(new Error(`hsafa dev ended:\n${said}`)));
  });
  return { child, url };
}

const PROGRAM = `
  const { runId } = await client.runs.start({ agent: "hello", input: "From afar", threadId: "inbox" });
  let text = "";
  for await (const event of client.runs.stream(runId)) if (event.type === "text.delta") text += event.data.text;
  for await (const newest of client.threads.watch("inbox")) if (newest.runId === runId) break;
  console.log(process.version + " heard " + text);
`;
const MODULE = `import { createClient } from "@hsafa/client";
const client = createClient({ url: process.argv[2], token: process.argv[3] });
${PROGRAM}`;
const SCRIPT = `const { createClient } = require("@hsafa/client");
const client = createClient({ url: process.argv[2], token: process.argv[3] });
(async () => { ${PROGRAM} })();`;
/** Node 20 has no WebSocket, so a device is given that of \`ws\`. */
const DEVICE = `import { createClient, createDevice } from "@hsafa/client";
import { WebSocket } from "ws";
const [, , url, token] = process.argv;
const execute = () => "here";
const device = createDevice({ url, token, WebSocket, deviceKey: "old", tools: { where: { inputSchema: {}, execute } } });
await device.whenOnline();
const client = createClient({ url, token });
const { runId } = await client.runs.start({ agent: "seeker", input: "go" });
const { output } = await client.runs.wait(runId);
console.log(process.version + " answered " + output);
await device.drain();`;

async function useClient(project: Project, url: string, key: string): Promise<void> {
  writeFileSync(join(project.folder, "module.mjs"), MODULE);
  writeFileSync(join(project.folder, "script.cjs"), SCRIPT);
  const major = /node-(\d+)/.exec(project.folder)?.[1] ?? "";
  for (const file of ["module.mjs", "script.cjs"])
    expectText(await project.run(file, url, key), new RegExp(`v${major}\\.\\S* heard From afar`));
}

try {
  await check("the packages are packed", async () => {
    await run(process.execPath, [join(root, "scripts/pack.ts"), tarballs], { timeout: STEP_MAX_MS });
  });
  const old = await install(OF_CLIENT, /^hsafa-(protocol|client)-/, ["ws@8"]);
  for (const version of OF_COMMAND) {
    const project = await install(version, /^hsafa-/);
    const hsafa = (...args: string[]): Promise<string> => project.run("node_modules/hsafa/dist/bin/hsafa.js", ...args);
    const dev = await check(`Node ${version}: dev is ready`, () => startDev(project));
    if (dev === null) continue;
    const { child, url } = dev;
    const key = readFileSync(join(project.folder, ".hsafa/key"), "utf8").trim();
    await check(`Node ${version}: push and run`, async () => {
      writeFileSync(join(project.folder, "hello.json"), `{ "name": "hello", "model": "demo/echo" }`);
      expectText(await hsafa("push", "hello.json"), "created: hello, version 1");
      expectText(await hsafa("run", "hello", "What is it?"), "What is it?");
      expectText(await hsafa("doctor"), /^ok {7}key/m);
    });
    await check(`Node ${version}: an agent in TypeScript is pushed, or refused with what to do`, async () => {
      writeFileSync(
        join(project.folder, "typed.ts"),
        `import { defineAgent } from "hsafa"; export default defineAgent({ name: "typed", model: "demo/echo" as const });`,
      );
      const said = await hsafa("push", "typed.ts").catch((error: { readonly stderr?: string }) => error.stderr ?? "");
      expectText(said, /created: typed|Node 2[24]/);
    });
    await check(`Node ${version}: the client, as a module and by require`, () => useClient(project, url, key));
    await check(`Node ${OF_CLIENT}: the client and a device, with a gateway on ${version}`, async () => {
      await useClient(old, url, key);
      const script = [[{ call: "where", args: {} }], [{ say: "It is {{result}}" }]];
      const tools = [{ name: "where", inputSchema: { type: "object" }, device: { key: "old" } }];
      const settings = { providerOptions: { demo: { script } } };
      writeFileSync(
        join(project.folder, "seeker.json"),
        JSON.stringify({ name: "seeker", model: "demo/script", tools, settings }),
      );
      await hsafa("push", "seeker.json");
      writeFileSync(join(old.folder, "device.mjs"), DEVICE);
      expectText(await old.run("device.mjs", url, key), /v20\.\S* answered It is here/);
    });
    await check(`Node ${version}: SIGTERM ends it in peace`, async () => {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      const [code] = (await exit) as [number | null];
      if (code !== 0) throw new Error(`it ended with ${String(code)}`);
    });
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
console.log(failed === 0 ? "all work" : `${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

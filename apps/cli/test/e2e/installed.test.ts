import { execFile, spawn } from "node:child_process";
import {
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../../../gateway/test/services/launch-chromium.ts";
import { packedPackages } from "./packed-packages.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../../..");
const bin = join(root, "node_modules/.bin");
const base = mkdtempSync(join(tmpdir(), "hsafa-installed-"));
const tarballs = join(base, "tarballs");
/** A project of somebody else, with the packages and nothing else of ours. */
const project = join(base, "project");
const hsafa = join(project, "node_modules/hsafa/dist/bin/hsafa.js");
const { PATH, HOME, NODE_EXTRA_CA_CERTS } = process.env;
/** Without the certificates that the machine trusts, npm tries a proxy's again and again for minutes. */
const trust = NODE_EXTRA_CA_CERTS === undefined ? {} : { NODE_EXTRA_CA_CERTS };
const env = { PATH, HOME, NO_COLOR: "1", ...trust };

/** The largest install that a release may be, in MB on disk. */
const INSTALL_MB_MAX = 120;
/**
 * How long it may take from an empty folder to the first answer, in milliseconds, with a warm cache of npm. A person
 * waits for 60 s at most; a machine that runs other tests beside has twice that.
 */
const CREATE_MS_MAX = 120_000;
/** The largest `@hsafa/client` in a page that uses all of it, in bytes after gzip. */
const CLIENT_GZIP_BYTES_MAX = 10_240;

beforeAll(async () => {
  mkdirSync(project);
  await packedPackages(tarballs);
  writeFileSync(join(project, "package.json"), `{ "private": true }`);
  const files = readdirSync(tarballs).map((name) => join(tarballs, name));
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...files], { cwd: project, env });
}, 240_000);
afterAll(() => rmSync(base, { recursive: true }));

test("an install stays small, and brings no tests and no Prisma along", () => {
  const modules = join(project, "node_modules");
  const bytes = globSync("**/*", { cwd: modules })
    .map((path) => lstatSync(join(modules, path)))
    .reduce((sum, file) => sum + file.blocks * 512, 0);
  expect(bytes / 1024 / 1024).toBeLessThan(INSTALL_MB_MAX);
  expect(existsSync(join(modules, "@prisma/client"))).toBe(false);
  expect(globSync("{@hsafa/*,hsafa}/**/{test,bench,*.test.*,*.suite.*}", { cwd: modules })).toEqual([]);
});

test("the embedded database comes made, by the very version that opens it", () => {
  const modules = join(project, "node_modules");
  const manifest = readFileSync(join(modules, "@electric-sql/pglite/package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  const made = globSync("hsafa/dist/**/generated/pglite-*.tar.gz", { cwd: modules });
  // One of another version is passed over, and the first start takes ten seconds more.
  expect(made).toEqual([expect.stringContaining(`/pglite-${version}-`)]);
});

test("the program that a service starts lies where the documents say", () => {
  for (const document of ["README.md", "docs/deploy/process.md"]) {
    const paths = readFileSync(join(root, document), "utf8").match(/node_modules\/hsafa\/[\w/]+\.js/g) ?? [];
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths)
      expect({ document, path, isThere: existsSync(join(project, path)) }).toMatchObject({ isThere: true });
  }
});

test("a page that uses the whole client loads little", async () => {
  const bundle = await rolldown({ input: join(project, "node_modules/@hsafa/client/dist/src/index.js") });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  expect(gzipSync(output[0].code, { level: 9 }).length).toBeLessThanOrEqual(CLIENT_GZIP_BYTES_MAX);
});

describe("people who check packages find nothing", () => {
  test.each(["hsafa-protocol", "hsafa-client", "hsafa", "create-hsafa"])("%s", async (name) => {
    const [file] = globSync(`${name}-[0-9]*.tgz`, { cwd: tarballs });
    const tarball = join(tarballs, file ?? "");
    await run(join(bin, "publint"), [tarball, "--strict"]);
    if (name.startsWith("hsafa-")) await run(join(bin, "attw"), [tarball, "--profile", "node16"]);
  });
});

describe("every way to import the client works", () => {
  test.each([
    ["import", "a.mjs", `import { createClient } from "@hsafa/client"; console.log(typeof createClient);`],
    ["require", "b.cjs", `console.log(typeof require("@hsafa/client").createClient);`],
    [
      "import of the schemas",
      "c.mjs",
      `import { runSchema } from "@hsafa/protocol/schema"; console.log(typeof runSchema.parse);`,
    ],
    ["import of the definitions", "e.mjs", `import { defineAgent } from "hsafa"; console.log(typeof defineAgent);`],
    ["require of the protocol", "d.cjs", `console.log(typeof require("@hsafa/protocol").parsePosition);`],
  ])("%s", async (_way, file, code) => {
    writeFileSync(join(project, file), code);
    for (const node of nodes()) {
      const { stdout } = await run(node, [file], { cwd: project, env });
      expect(stdout.trim()).toBe("function");
    }
  });

  test("an agent's file has its types, and JSON its schema", async () => {
    const code = `import { defineAgent, defineTool, deviceTools } from "hsafa";
      const greet = defineTool({ name: "greet", inputSchema: { type: "object", properties: { name: { type: "string" } } } });
      const agent = defineAgent({ name: "a", model: "demo/echo", tools: [greet] });
      deviceTools(agent, { greet: ({ name }) => name?.toUpperCase() });
      // @ts-expect-error: no tool has this name.
      deviceTools(agent, { great: () => 1 });
      export default agent;`;
    writeFileSync(join(project, "agent.mts"), code);
    const compilerOptions = { strict: true, noEmit: true, types: [], lib: ["es2022", "dom"], module: "nodenext" };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["agent.mts"] }));
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project]);
    expect(existsSync(join(project, "node_modules/hsafa/agent.schema.json"))).toBe(true);
  });

  test.each([
    ["bundler", "esnext", "page.ts"],
    ["nodenext", "nodenext", "module.mts"],
    ["nodenext", "nodenext", "script.cts"],
  ])("types for moduleResolution %s with module %s in %s", async (moduleResolution, module, file) => {
    const code = `import { createClient, type HsafaError } from "@hsafa/client";
      import { parsePosition } from "@hsafa/protocol";
      const client = createClient({ url: "http://127.0.0.1:1", token: "t" });
      export const started: Promise<{ runId: string }> = client.runs.start({ agent: "a", input: "b" });
      export const position: { seq: number; sub: number } | null = parsePosition("1-0");
      export type Failure = HsafaError;
      // @ts-expect-error: the types are known, so a wrong one is refused.
      client.runs.start({ agent: 1 });`;
    writeFileSync(join(project, file), code);
    const compilerOptions = { strict: true, noEmit: true, types: [], lib: ["es2022", "dom"], module, moduleResolution };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project]);
  });
});

test("dev, push, run and a program of one's own work in an empty folder", async () => {
  const dev = spawn(process.execPath, [hsafa, "dev", "--port", "0"], { cwd: project, env });
  try {
    const url = await listeningOn(dev);
    const local = { cwd: project, env: { ...env, HSAFA_URL: url } };
    writeFileSync(join(project, "hello.json"), JSON.stringify({ name: "hello", model: "demo/echo" }));
    const pushed = await run(process.execPath, [hsafa, "push", "hello.json"], local);
    expect(pushed.stdout + pushed.stderr).toContain("created: hello, version 1");
    const ran = await run(process.execPath, [hsafa, "run", "hello", "What is it?"], local);
    expect(ran.stdout).toContain("What is it?");
    const program = `import { readFileSync } from "node:fs";
      import { createClient } from "@hsafa/client";
      const token = readFileSync(".hsafa/key", "utf8").trim();
      const client = createClient({ url: process.env.HSAFA_URL, token });
      const { runId } = await client.runs.start({ agent: "hello", input: "From afar" });
      let text = "";
      for await (const event of client.runs.stream(runId)) if (event.type === "text.delta") text += event.data.text;
      console.log(text);`;
    writeFileSync(join(project, "program.mjs"), program);
    const { stdout } = await run(process.execPath, ["program.mjs"], local);
    expect(stdout.trim()).toBe("From afar");
  } finally {
    dev.kill("SIGTERM");
  }
});

test("the installed doctor asks Postgres and Redis what a gateway would", async () => {
  const services = { DATABASE_URL: "postgres://127.0.0.1:9/hsafa", REDIS_URL: "redis://127.0.0.1:9" };
  const { stdout } = await run(process.execPath, [hsafa, "doctor"], {
    cwd: project,
    env: { ...env, ...services },
  }).catch((error: { readonly stdout: string }) => error);
  for (const name of ["postgres", "redis"])
    expect(stdout).toMatch(new RegExp(`^broken {3}${name} +nothing listens at 127\\.0\\.0\\.1:9$`, "m"));
});

test("an empty folder has its first streamed answer after three commands, soon", async () => {
  const folder = join(base, "my-agents");
  mkdirSync(folder);
  const begun = performance.now();
  const packages = readdirSync(tarballs).flatMap((name) => ["--package", join(tarballs, name)]);
  // `npm create hsafa .` is this, once the packages are published.
  const create = ["exec", "--yes", "--prefer-offline", ...packages, "--", "create-hsafa", ".", "--packages", tarballs];
  await run("npm", create, { cwd: folder, env });
  const dev = spawn("npm", ["run", "dev"], { cwd: folder, env: { ...env, PORT: "0" }, detached: true });
  try {
    await listeningOn(dev);
    const page = await printedBy(dev, /Local:\s+(http:\S+?)\/?\s/);
    const asked = spawn("npx", ["hsafa", "run", "assistant", "What time is it?"], { cwd: folder, env });
    await printedBy(asked, /(get_time answered)/);
    const tookMs = performance.now() - begun;
    console.log(`first answer after ${(tookMs / 1000).toFixed(1)} s`);
    expect(tookMs).toBeLessThan(CREATE_MS_MAX);

    expect(await answerOf(page)).toMatch(/get_time: completed/);
    await run("npm", ["run", "check"], { cwd: folder, env });
  } finally {
    // The whole group: npm does not pass every signal on.
    process.kill(-(dev.pid ?? 0), "SIGTERM");
    await new Promise((resolve) => dev.once("close", resolve));
  }
  const again = run("npm", create, { cwd: folder, env });
  await expect(again).rejects.toThrow("is not empty");
}, 240_000);

/** Opens the page in a browser, asks what it proposes, and returns what the assistant is shown to say. */
async function answerOf(page: string): Promise<string> {
  const browser = await launchChromium();
  try {
    const tab = await browser.newPage();
    await tab.goto(page);
    await tab.click("text=Send");
    const answer = await tab.waitForFunction<string>(
      `[...document.querySelectorAll("article")].map((one) => one.innerText).find((text) => text.includes("completed"))`,
      null,
      { timeout: 60_000 },
    );
    return await answer.jsonValue();
  } finally {
    await browser.close();
  }
}

/** This Node, and the oldest one that the client serves where the machine has it. */
function nodes(): readonly string[] {
  const old = (PATH ?? "").split(":").map((folder) => join(folder, "node"));
  const others = old.filter((path) => existsSync(path) && !path.includes("node_modules"));
  return [process.execPath, ...others.slice(0, 1)];
}

function listeningOn(child: ReturnType<typeof spawn>): Promise<string> {
  return printedBy(child, /listening on (\S+)/);
}

/** Resolves with what a process prints in the place of the group. Rejects if it ends without it. */
function printedBy(child: ReturnType<typeof spawn>, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = "";
    for (const output of [child.stdout, child.stderr]) {
      output?.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
        const match = pattern.exec(printed);
        if (match?.[1] !== undefined) resolve(match[1]);
      });
    }
    child.once("close", () => reject(new Error(`the process ended and said:\n${printed}`)));
  });
}

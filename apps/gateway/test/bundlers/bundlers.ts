/**
 * `npm run bundlers`: packs the packages, installs them in an empty project, and builds the chat page of examples/chat
 * with each bundler that people use. A browser then asks an agent by each page. Metro and Hermes' compiler build the
 * recipe for phones. Exits with 0 only if all answer.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { type ServedPage, serveBuiltPage } from "./serve-built-page.ts";
import { freePort } from "../support/free-port.ts";
import { programEnv } from "../support/program-env.ts";
import { callingAgent } from "../support/device-agent.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { buildPhoneApp } from "./phone.ts";
import { launchChromium } from "../services/launch-chromium.ts";

/** Other versions than these may be tried by hand. */
const TOOLS = [
  "react@19",
  "react-dom@19",
  "vite@8",
  "esbuild@0.28",
  "next@16",
  "typescript@5",
  "@types/react@19",
  "@types/node@24",
];
const BUILD_MAX_MS = 300_000;
const ANSWER_MAX_MS = 30_000;

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../../..");
const base = mkdtempSync(join(tmpdir(), "hsafa-bundlers-"));
const project = join(base, "project");
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", CI: "1" };

/** A bundler, and what it makes of the page. Closing ends what serves it. */
interface Bundler {
  readonly name: string;
  build(gateway: { readonly url: string; readonly apiKey: string }, port: number): Promise<ServedPage>;
}

async function inProject(program: string, ...args: string[]): Promise<void> {
  const { stdout, stderr } = await run(join(project, "node_modules/.bin", program), args, {
    cwd: project,
    env,
    timeout: BUILD_MAX_MS,
  }).catch((error: { readonly stdout?: string; readonly stderr?: string; readonly message: string }) => {
    throw new Error(`${program} ${args.join(" ")}: ${error.message}\n${error.stdout ?? ""}${error.stderr ?? ""}`);
  });
  if (/warning/i.test(stderr)) console.log(`${program} warns: ${stderr}${stdout}`);
}

const BUNDLERS: readonly Bundler[] = [
  {
    name: "Vite",
    async build(gateway, port) {
      await inProject("vite", "build", "--outDir", join(base, "vite"), "--emptyOutDir");
      return serveBuiltPage(join(base, "vite"), gateway, port);
    },
  },
  {
    name: "esbuild",
    async build(gateway, port) {
      const out = join(base, "esbuild");
      mkdirSync(out);
      const options = ["--bundle", "--format=esm", "--jsx=automatic", "--minify", `--outfile=${join(out, "main.js")}`];
      await inProject("esbuild", "main.tsx", ...options);
      writeFileSync(
        join(out, "index.html"),
        `<!doctype html><html data-gateway="" data-agent="echo"><div id="root"></div><script type="module" src="/main.js"></script></html>`,
      );
      return serveBuiltPage(out, gateway, port);
    },
  },
  {
    name: "Next.js",
    async build(gateway, port) {
      await inProject("next", "build");
      return startNext(gateway, port);
    },
  },
];

/** The page of Next.js is rendered on its server first, which makes the tokens as well. */
function writeNextPages(): void {
  const app = join(project, "app");
  // The entry of the other bundlers is not for its compiler. It adds what else it wants.
  writeFileSync(join(project, "tsconfig.json"), `{ "compilerOptions": { "strict": true }, "exclude": ["main.tsx"] }`);
  mkdirSync(join(app, "hsafa-token"), { recursive: true });
  writeFileSync(
    join(app, "layout.tsx"),
    `export default ({ children }: { children: React.ReactNode }) => <html><body>{children}</body></html>;`,
  );
  writeFileSync(
    join(app, "page.tsx"),
    `import { Page } from "./chat-page";
    export const dynamic = "force-dynamic";
    export default () => <Page url={process.env.HSAFA_URL ?? ""} />;`,
  );
  writeFileSync(
    join(app, "chat-page.tsx"),
    `"use client";
    import { HsafaProvider } from "@hsafa/client/react";
    import { Chat } from "../chat";
    async function getToken() {
      return ((await (await fetch("/hsafa-token", { method: "POST" })).json()) as { token: string }).token;
    }
    export const Page = ({ url }: { url: string }) => (
      <HsafaProvider url={url} token={getToken}>
        <Chat agent="echo" thread="inbox" />
      </HsafaProvider>
    );`,
  );
  writeFileSync(
    join(app, "hsafa-token/route.ts"),
    `import { createClient } from "@hsafa/client";
    export async function POST() {
      const hsafa = createClient({ url: process.env.HSAFA_URL ?? "", token: process.env.HSAFA_API_KEY ?? "" });
      const { token } = await hsafa.tokens.create({
        scopes: ["runs:start", "runs:send", "runs:cancel", "approvals:decide", "runs:read"],
        agents: ["echo"],
        subject: "next",
      });
      return Response.json({ token });
    }`,
  );
}

async function startNext(
  gateway: { readonly url: string; readonly apiKey: string },
  port: number,
): Promise<ServedPage> {
  const child = spawn(
    join(project, "node_modules/.bin/next"),
    ["start", "--port", String(port), "--hostname", "127.0.0.1"],
    {
      cwd: project,
      env: { ...programEnv(), HSAFA_URL: gateway.url, HSAFA_API_KEY: gateway.apiKey, NEXT_TELEMETRY_DISABLED: "1" },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const exit = once(child, "exit");
  let printed = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      if (/Ready/.test(printed)) resolve();
    });
    child.once("exit", () => reject(new Error(`next start ended: ${printed}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      child.kill("SIGTERM");
      await exit;
    },
  };
}

/** Says something on the page, and waits for the answer. */
async function askBy(page: Page, url: string): Promise<void> {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(url);
  await page.fill("input[name=text]", "is anybody there");
  await page.click("text=Send");
  await page.waitForFunction(
    `[...document.querySelectorAll("p.assistant")].some((one) => one.textContent.includes("is anybody there"))`,
    null,
    { timeout: ANSWER_MAX_MS },
  );
  // A browser asks every site for an icon.
  const own = complaints.filter((text) => !/favicon|404/.test(text));
  if (own.length > 0) throw new Error(`the page complains: ${own.join("; ")}`);
}

/** Calls the tool of a phone, whose app is then started anew: it is the same device. */
async function askPhone(gateway: TestGateway, tarballs: readonly string[]): Promise<void> {
  const settings = { url: gateway.url, token: gateway.apiKey };
  const app = await buildPhoneApp(join(base, "phone"), { tarballs, env, settings });
  const first = await app.start();
  const { deviceKey: key } = first;
  try {
    const calls = [{ tool: "add", args: { a: 2, b: 5 } }];
    await gateway.pushAgent(callingAgent("adder", calls, [{ name: "add", device: { key } }]));
    const { runId } = await gateway.startRun({ agent: "adder", input: "add" });
    const { output } = await gateway.waitForEnd(runId);
    if (output !== "Answers: 7") throw new Error(`the phone answered ${JSON.stringify(output)}`);
  } finally {
    first.close();
  }
  const second = await app.start();
  second.close();
  if (second.deviceKey !== key) throw new Error("the phone is another device after a restart");
}

let failed = 0;
try {
  mkdirSync(project);
  await run(process.execPath, [join(root, "scripts/pack.ts"), join(base, "tarballs")], { timeout: BUILD_MAX_MS });
  const packages = readdirSync(join(base, "tarballs")).filter((name) => /^hsafa-(protocol|client)-/.test(name));
  writeFileSync(join(project, "package.json"), `{ "private": true }`);
  const tarballs = packages.map((name) => join(base, "tarballs", name));
  const quietly = ["--no-audit", "--no-fund", "--prefer-offline"];
  await run("npm", ["install", ...quietly, ...tarballs, ...TOOLS], { cwd: project, env, timeout: BUILD_MAX_MS });
  for (const file of ["chat.tsx", "main.tsx"]) cpSync(join(root, "examples/chat", file), join(project, file));
  writeFileSync(
    join(project, "index.html"),
    `<!doctype html><html data-gateway="" data-agent="echo"><div id="root"></div><script type="module" src="main.tsx"></script></html>`,
  );
  writeNextPages();

  // The gateway must know the origins of its pages.
  const ports = new Map(await Promise.all(BUNDLERS.map(async ({ name }) => [name, await freePort()] as const)));
  const origins = [...ports.values()].map((port) => `http://127.0.0.1:${port}`);
  const gateway = await startTestGateway({ env: { HSAFA_ALLOWED_ORIGINS: origins.join(",") } });
  const browser = await launchChromium();
  try {
    await gateway.pushAgent({ name: "echo", model: "demo/echo" });
    for (const { name, build } of BUNDLERS) {
      const since = performance.now();
      try {
        const page = await build(gateway, ports.get(name) ?? 0);
        const builtMs = Math.round(performance.now() - since);
        try {
          await askBy(await browser.newPage(), page.url);
        } finally {
          await page.close();
        }
        console.log(`PASS ${name}: built in ${builtMs} ms, and the page is answered`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL ${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const since = performance.now();
    try {
      await askPhone(gateway, tarballs);
      console.log(`PASS Metro and Hermes: built and answered in ${Math.round(performance.now() - since)} ms`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL Metro and Hermes: ${error instanceof Error ? error.message : String(error)}`);
    }
  } finally {
    await browser.close();
    await gateway.close();
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
console.log(`${BUNDLERS.length + 1 - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

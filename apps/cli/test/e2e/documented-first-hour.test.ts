/**
 * The pages of the first hour, played as a reader would: with the packages from their tarballs, in folders of their
 * own. All commands and files are read out of the pages.
 */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DocumentPage, inlineCommandsOf, withOther } from "../../../gateway/test/support/document-page.ts";
import { startFakeProxy } from "../../../gateway/test/support/fake-proxy.ts";
import { freePort } from "../../../gateway/test/support/free-port.ts";
import { until } from "../../../gateway/test/support/until.ts";
import { type Command, endLine, startLine } from "./hsafa-command.ts";
import { packedPackages } from "./packed-packages.ts";

const base = mkdtempSync(join(tmpdir(), "hsafa-first-hour-"));
/** What a reader has: a clone with its tarballs, and a project. */
const clone = join(base, "clone");
const project = join(base, "project");
const { NODE_EXTRA_CA_CERTS } = process.env;
/** Without the certificates that the machine trusts, npm tries a proxy's again and again for minutes. */
const trust: Record<string, string> = NODE_EXTRA_CA_CERTS === undefined ? {} : { NODE_EXTRA_CA_CERTS };
const env = { PORT: "0", npm_config_prefer_offline: "true", ...trust };

/** Two installs and a dozen of processes, on a machine that may be busy. */
const TEST_MAX_MS = 300_000;
const STARTED_MAX_MS = 60_000;

const started: Command[] = [];
function start(line: string, folder: string, more: Record<string, string> = {}): Command {
  const command = startLine(line, { folder, env: { ...env, ...more } });
  started.push(command);
  return command;
}

/** Runs what a reader types, and returns all that it prints. */
async function type(line: string, folder: string, more: Record<string, string> = {}) {
  const { exit, printed } = start(line, folder, more);
  return { code: await exit, said: printed.out + printed.notes };
}

/** As `type`, for what must succeed. */
async function done(line: string, folder: string, more: Record<string, string> = {}): Promise<string> {
  const { code, said } = await type(line, folder, more);
  expect({ line, code, said }).toMatchObject({ code: 0 });
  return said;
}

async function urlOf(dev: Command): Promise<string> {
  return (await dev.says(/listening on (\S+)/))[1] ?? "";
}

const yourOwnProject = new DocumentPage("docs/your-own-project.md");

beforeAll(async () => {
  mkdirSync(project);
  // `npm ci && npm run pack` in the clone is this.
  await packedPackages(join(clone, "packed"));
}, TEST_MAX_MS);
afterAll(async () => {
  await Promise.all(started.map(endLine));
  rmSync(base, { recursive: true });
});

test(
  "docs/your-own-project.md: an agent of one's own answers, and is pushed on save, from CI and from other places",
  async () => {
    const page = yourOwnProject;
    const [install, dev = "", push = "", run = ""] = page.commands();
    expect(install).toBe("npm install hsafa @hsafa/client");
    writeFileSync(join(project, "agent.json"), page.next("json"));
    const [pack, installed = "", init = ""] = page.commands();
    expect(pack).toBe("npm ci && npm run pack");
    await done(withOther(installed, { "<path to the clone>": clone }), project);
    const { $schema = "" } = JSON.parse(readFileSync(join(project, "agent.json"), "utf8")) as { $schema?: string };
    expect(existsSync(join(project, $schema))).toBe(true);

    const first = start(dev, project);
    await urlOf(first);
    expect(await done(push, project)).toContain("created: hello, version 1");
    expect(await done(run, project)).toContain("What is it?");
    await endLine(first);

    const port = await freePort();
    writeFileSync(join(project, "hsafa.config.ts"), withOther(page.next("ts"), { 3100: String(port) }));
    mkdirSync(join(project, "support/agents"), { recursive: true });
    for (const [file, name] of [
      ["support/agents/support.json", "support"],
      ["sales.json", "sales"],
    ] as const)
      writeFileSync(join(project, file), JSON.stringify({ name, model: "demo/echo" }));
    const second = start(dev, project, { PORT: "" });
    await second.says(/pushed {2}support\/agents\/support\.json: support, version 1/);
    await second.says(/pushed {2}sales\.json: sales, version 1/);
    const url = await urlOf(second);
    expect(new URL(url).port).toBe(String(port));

    const origins = page.next("text");
    const [, origin = ""] = /HSAFA_ALLOWED_ORIGINS=(\S+)/.exec(origins) ?? [];
    const allowed = async (): Promise<string | null> =>
      (await fetch(`${url}/health`, { headers: { origin } })).headers.get("access-control-allow-origin");
    expect(await allowed()).toBeNull();
    await second.says(new RegExp(`page of ${origin} \\(CORS\\)\\. Allow it: write ${origins.trim()} into \\.env`));
    await endLine(second);
    writeFileSync(join(project, ".env"), origins);
    const third = start(dev, project, { PORT: "" });
    await urlOf(third);
    expect(await allowed()).toBe(origin);

    const KEY = (await done("npx --no-install hsafa keys create ci --scopes agents:write 2>/dev/null", project)).trim();
    const [dry = "", real = ""] = page.commands();
    const changes = { "https://hsafa.example.com": url };
    writeFileSync(join(project, "sales.json"), JSON.stringify({ name: "sales", model: "demo/echo", system: "Sell." }));
    await third.says(/sales, version 2/);
    expect(await done(withOther(dry, changes), project, { KEY })).toMatch(/unchanged: sales, version 2/);
    for (let count = 0; count < 2; count += 1)
      expect(await done(withOther(real, changes), project, { KEY })).toMatch(/unchanged: sales, version 2/);
    expect(inlineCommandsOf("docs/your-own-project.md")).toContain("hsafa doctor");
    expect(await done("npx hsafa doctor", project)).toMatch(/^ok {7}key/m);
    await endLine(third);

    const made = await done(withOther(init, { "<path to the clone>": clone }), project);
    expect(made).toContain("Made a project");
    page.end();
  },
  TEST_MAX_MS,
);

test(
  "docs/first-agent.md: a new project answers, is changed on save, takes a real model and gets a tool",
  async () => {
    const page = new DocumentPage("docs/first-agent.md");
    const [create, dev = "", run = ""] = page.commands();
    // Until the packages are published, the page names the command of the other page in its place. It was run above.
    expect(create).toBe("npm create hsafa my-agents");
    const folder = join(project, "my-agents");
    const agent = join(folder, "agents/assistant.ts");
    const device = join(folder, "device.ts");
    const change = (file: string, from: RegExp, to: string): void => {
      const text = readFileSync(file, "utf8");
      expect(text).toMatch(from);
      writeFileSync(file, text.replace(from, to));
    };

    const first = start(dev, project);
    await urlOf(first);
    await first.says(/Local:\s+http:/);
    expect(await done(run, folder)).toContain("get_time answered");

    const shown = page.next("text");
    const [, system = ""] = /-> "(.*)"/.exec(shown) ?? [];
    change(agent, /system: ".*"/, `system: ${JSON.stringify(system)}`);
    await first.says(/version 2/);
    const withoutHash = (text: string): string => text.replaceAll(/config \w+/g, "config");
    await until("the change is shown as on the page", () =>
      withoutHash(first.printed.out).includes(withoutHash(shown).trim()),
    );
    const [versions = "", promote = ""] = inlineCommandsOf("docs/first-agent.md").filter((line) =>
      /^hsafa (versions|promote)/.test(line),
    );
    expect(await done(`npx ${versions}`, folder)).toMatch(/^\* 2 /m);
    expect(await done(`npx ${promote}`, folder)).toContain("promoted: assistant, version 1");
    const before = readFileSync(agent, "utf8");
    writeFileSync(agent, "export default {");
    await first.says(/failed {2}agents\/assistant\.ts was not pushed, and the version before it stays/);
    writeFileSync(agent, before);
    await endLine(first);

    // No model is asked for here: the proxy refuses the way to it. That it is asked for shows that the key was read.
    const proxy = await startFakeProxy({ refuse: 403 });
    appendFileSync(join(folder, ".env"), page.next("text"));
    change(agent, /model: ".*",/, page.next("ts").trim());
    const second = start(dev, project, { HTTPS_PROXY: proxy.url });
    await urlOf(second);
    const asked = start(run, folder);
    await until("the provider is asked", () => proxy.asked.includes("CONNECT api.openai.com:443"), STARTED_MAX_MS);
    await endLine(asked);
    change(agent, /model: ".*",/, `model: "demo/tools",`);
    await second.says(/pushed {2}agents\/assistant\.ts.*\n {2}~ model {2}"openai\/gpt-5-mini" -> "demo\/tools"/);

    // What it imports is there already. `demo/tools` calls the first two tools of its list.
    change(agent, /\nexport default/, `\n${page.next("ts").replace(/^import .*\n\n/, "")}\nexport default`);
    change(agent, /tools: \[(.*)\]/, "tools: [greet, $1]");
    await second.says(/pushed {2}agents\/assistant\.ts.*\n[\s\S]*greet/);
    const waiting = start(run, folder);
    await waiting.says(/no connected device offers greet/);
    await endLine(waiting);
    await endLine(second);
    const [, greet = ""] = /^( {2}greet: .*)$/m.exec(page.next("ts")) ?? [];
    change(device, /\n\}\);/, `\n${greet.replaceAll("$", "$$$$")}\n});`);
    await done("npm run check", folder);
    change(device, / greet:/, " great:");
    const checked = await type("npm run check", folder);
    expect(checked.code).toBeGreaterThan(0);
    expect(checked.said).toMatch(/device\.ts.*great/);
    change(device, / great:/, " greet:");
    const third = start(dev, project);
    await third.says(/offers .*greet/);
    expect(await done(run, folder)).toMatch(/greet answered: Hello .*!/);
    await endLine(third);
    proxy.close();
    page.end();
  },
  TEST_MAX_MS,
);

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { until } from "../../../gateway/test/support/until.ts";
import { type Command, type CommandParams, startCommand } from "./hsafa-command.ts";

const root = join(import.meta.dirname, "../../../..");
const folder = mkdtempSync(join(tmpdir(), "hsafa-commands-"));
const started: Command[] = [];
let url = "";

interface Params extends Partial<CommandParams> {
  readonly gatewayUrl?: string;
}

function hsafa(args: readonly string[], { gatewayUrl = url, env = {}, ...params }: Params = {}): Command {
  const given = gatewayUrl === "" ? env : { HSAFA_URL: gatewayUrl, ...env };
  const command = startCommand(args, { folder, env: given, ...params });
  started.push(command);
  return command;
}

async function done(
  args: readonly string[],
  params: Params = {},
): Promise<{ exit: number | null; out: string; notes: string }> {
  const command = hsafa(args, params);
  const exit = await command.exit;
  return { exit, ...command.printed };
}

beforeAll(async () => {
  const gateway = hsafa(["dev", "--port", "0", "watched"]);
  url = (await gateway.says(/listening on (\S+)/))[1] ?? "";
});

afterAll(async () => {
  for (const { child } of started.toReversed()) child.kill("SIGTERM");
  await Promise.all(started.map(({ exit }) => exit));
  rmSync(folder, { recursive: true });
});

describe("the commands, against a gateway of 'hsafa dev'", () => {
  test("an agent that is pushed twice is made once", async () => {
    const push = ["push", join(root, "examples/assistant.json")];
    const [first, second] = [await done(push), await done(push)];
    expect(first.out).toMatch(/^created: assistant, version 1 /);
    expect(second).toEqual({ exit: 0, out: first.out.replace("created", "unchanged"), notes: "" });
  });

  test("a run that its limit ends says so, and so does the list of runs", async () => {
    const file = join(folder, "limited.json");
    const tools = [{ name: "ask", target: "external", inputSchema: { type: "object" } }];
    writeFileSync(file, JSON.stringify({ name: "limited", model: "demo/tools", tools, limits: { toolCalls: 5 } }));
    await done(["push", file]);
    const run = await done(["run", "limited", "--limit-tool-calls", "0", "--max-steps", "3", "ask"]);
    expect(run.notes).toContain(
      "failed: The model asked for 1 tool calls in all, and the run may have 0. [limit_exceeded]",
    );
    expect((await done(["runs", "--agent", "limited"])).out).toMatch(/failed .* limited {2}\[limit_exceeded\]\n$/);
    const wide = await done(["run", "limited", "--limit-tool-calls", "6", "ask"]);
    expect(wide.notes).toContain("which is 5");
    expect(await done(["run", "limited", "--limit-cost-usd", "a lot", "ask"])).toMatchObject({ exit: 2 });
  });

  test("a push warns of a credential in the config, and its result stays one line", async () => {
    const file = join(folder, "plain.json");
    const server = { type: "http", url: "https://example.com/", headers: { authorization: "Bearer of-a-service" } };
    const tools = [{ name: "t", inputSchema: { type: "object" }, server }];
    writeFileSync(file, JSON.stringify({ name: "plain", model: "demo/echo", tools }));
    const push = await done(["push", file]);
    expect(push).toMatchObject({ exit: 0, out: expect.stringMatching(/^created: plain.*\n$/) as string });
    expect(push.notes).toMatch(/^warning: config\.tools\.0\.server\.headers\.authorization holds a credential/);
    expect(push.notes).not.toContain("of-a-service");
  });

  test("a secret is set from standard input, listed without its value, and forgotten", async () => {
    const set = await done(["secrets", "set", "crm"], { input: "value-of-the-secret\n" });
    expect(set).toEqual({ exit: 0, out: "set: crm\n", notes: "" });
    const listed = await done(["secrets", "list"]);
    expect(listed.out).toMatch(/^crm {2}set \S+ by dev\n$/);
    expect(await done(["secrets", "set", "crm"], { input: "\n" })).toMatchObject({ exit: 2 });
    expect((await done(["secrets", "rm", "crm"])).out).toBe("forgotten: crm\n");
    expect(await done(["secrets", "list"])).toEqual({ exit: 0, out: "", notes: "" });
  });

  test("the audit log is listed for people and as JSON, and says who set a secret", async () => {
    await done(["secrets", "set", "audited"], { input: "value-of-the-secret\n" });
    const listed = await done(["audit", "--action", "secret.put", "--limit", "1"]);
    expect(listed.out).toMatch(/^\S+Z {2}secret\.put created {2}by operator dev from \S+ {2}\{"secret":"audited"\}\n$/);
    const json = await done(["audit", "--json", "--since", "2026-01-01", "--limit", "1"]);
    expect(JSON.parse(json.out)).toMatchObject({ action: "secret.put", targets: { secret: "audited" } });
    expect((await done(["audit", "--until", "2026-01-01"])).out).toBe("");
    expect(await done(["audit", "--since", "yesterday"])).toMatchObject({ exit: 2 });
  });

  test("with the operator's key the audit log of another tenant is listed, and with its own key no other", async () => {
    const { out } = await done(["tenants", "create", "watched"]);
    const env = { HSAFA_API_KEY: out.trim() };
    const actions = ["key.create", "tenant.create"];
    const shown = (text: string) =>
      text
        .trim()
        .split("\n")
        .map((line) => /Z {2}(\S+)/.exec(line)?.[1]);
    expect(shown((await done(["audit"], { env })).out)).toEqual(actions);
    expect(shown((await done(["audit", "--tenant", "watched"])).out)).toEqual(actions);
    const json = await done(["audit", "--tenant", "watched", "--json", "--action", "tenant.create"]);
    expect(JSON.parse(json.out)).toMatchObject({ action: "tenant.create", by: { kind: "operator" } });
    const refused = await done(["audit", "--tenant", "default"], { env });
    expect(refused).toMatchObject({ exit: 2, out: "", notes: expect.stringContaining("[forbidden]") as string });
    expect((await done(["audit", "--tenant", "nobody"])).notes).toContain("[not_found]");
  });

  test("a key with --groups decides for its groups, and for no other; the list and the log name them", async () => {
    const makeKey = async (name: string, groups: string) => {
      const made = await done(["keys", "create", name, "--scopes", "runs:read,approvals:decide", "--groups", groups]);
      return { HSAFA_API_KEY: made.out.trim() };
    };
    const [finance, sales] = [await makeKey("desk", "finance, board"), await makeKey("shop", "sales")];
    expect((await done(["keys", "list"])).out).toMatch(
      / desk {2}\[runs:read approvals:decide\] {2}groups finance board /,
    );
    const approval = { groups: ["finance"] };
    const tools = [{ name: "pay", inputSchema: { type: "object" }, target: "external", approval }];
    const file = join(folder, "grouped.json");
    const settings = { providerOptions: { demo: { script: [[{ call: "pay", args: {} }]] } } };
    writeFileSync(file, JSON.stringify({ name: "grouped", model: "demo/script", tools, settings }));
    expect((await done(["push", file])).exit).toBe(0);
    const run = hsafa(["run", "grouped", "go"]);
    const [, runId = "", callId = ""] = await run.says(/npx hsafa approve (\S+) (\S+)/);

    const refused = await done(["approve", runId, callId, "--yes"], { env: sales });
    expect(refused).toMatchObject({ exit: 2, out: "" });
    expect(refused.notes).toContain("needs      one of the groups finance");
    expect(refused.notes).toContain("has only sales");
    expect((await done(["approve", runId, callId, "--yes"])).notes).toContain("has no group");
    const decided = await done(["approve", runId, callId, "--yes"], { env: finance });
    expect(decided).toMatchObject({ exit: 0, out: `approved ${callId}\n` });
    const logged = await done(["audit", "--action", "approval.decide", "--limit", "1"]);
    expect(logged.out).toContain("approval.decide approved  by api_key desk");
    expect(logged.out).toContain(callId);
    const wrong = await done(["keys", "create", "x", "--scopes", "runs:read", "--groups", "a,,b"]);
    expect(wrong).toMatchObject({ exit: 2, out: "" });
    expect((await done(["cancel", runId])).exit).toBe(0);
    await run.exit;
  });

  test("a device that waits to be paired is listed so, and as paired once its code is entered", async () => {
    const key = await done(["keys", "create", "enroller", "--scopes", "devices:enroll"]);
    const device = hsafa(["device", "--key", "till-7"], { env: { HSAFA_API_KEY: key.out.trim() } });
    const [, code = ""] = await device.says(/hsafa devices pair (\S+)/);
    const lineOf = async () => /^.* till-7 .*$/m.exec((await done(["devices", "list"])).out)?.[0];
    expect(await lineOf()).toMatch(/^[0-9a-f-]{36} {2}till-7 {2}online {2}waits to be paired until \S+Z$/);
    expect((await done(["devices", "pair", code])).out).toMatch(/^paired: till-7 /);
    await device.says(/^paired$/m);
    expect(await lineOf()).toMatch(/ {2}online {2}paired \S+Z$/);
    const listed = (await done(["devices", "list", "--json", "--limit", "1"])).out;
    expect(JSON.parse(listed)).toMatchObject({ key: "till-7", pairing: { state: "paired" } });
    expect(listed).not.toContain(code);
    device.child.kill("SIGINT");
    expect(await device.exit).toBe(0);
  });

  test("quotas are shown, set with the operator's key, and refused in words when they name nothing", async () => {
    const set = await done(["quotas", "devices=500", "threads=7"]);
    expect(set).toMatchObject({ exit: 0, out: expect.stringMatching(/^devices +\d+ of 500$/m) as string });
    expect((await done(["quotas", "threads=default"])).out).toMatch(/^devices +\d+ of 500$/m);
    expect((await done(["quotas"])).out).not.toMatch(/^threads +\d+ of 7$/m);
    expect(await done(["quotas", "device=5"])).toMatchObject({ exit: 2, out: "" });
    expect(await done(["quotas", "devices=-5"])).toMatchObject({ exit: 2, out: "" });
  });

  test("a run uses the tools of a device in another process, and its words are the only result", async () => {
    const device = hsafa(["device", "--key", "test"]);
    await device.says(/connected to/);
    const run = await done(["run", "assistant", "What", "time", "is", "it?"]);
    expect(run.exit).toBe(0);
    expect(run.notes).toContain("> What time is it?");
    expect(run.out).toContain('describe_machine answered: {"platform"');
    expect(run.out).not.toContain("->");
    expect(device.printed.notes).toContain("<- get_time");
    device.child.kill("SIGINT");
    expect(await device.exit).toBe(0);
  });

  test("a run whose answer was cut says so, and has an exit code of its own", async () => {
    const script = [[{ say: "Half an ans" }, { finish: "length" }]];
    const file = join(folder, "cut.json");
    const settings = { providerOptions: { demo: { script } } };
    writeFileSync(file, JSON.stringify({ name: "cut", model: "demo/script", settings }));
    expect((await done(["push", file])).exit).toBe(0);
    const run = await done(["run", "cut", "go"]);
    expect(run.exit).toBe(4);
    expect(run.out).toContain("Half an ans");
    expect(run.notes).toContain("the answer is not whole: it ended with 'length'");
    expect((await done(["runs", "--agent", "cut"])).out).toContain("(length)");
    const [, runId = ""] = /^run (\S+)/m.exec(run.notes) ?? [];
    expect((await done(["watch", runId])).exit).toBe(4);
  });

  test("Ctrl-C stops watching and not the run; the position it tells leads back", async () => {
    expect((await done(["push", join(root, "examples/rehearsal.json")])).exit).toBe(0);
    const run = hsafa(["run", "rehearsal", "go"]);
    await run.says(/Let me look/);
    run.child.kill("SIGINT");
    expect(await run.exit).toBe(130);
    const [, runId = "", after = ""] = await run.says(/hsafa watch (\S+) --after (\S+)/);

    const watch = hsafa(["watch", runId, "--after", after, "--json"]);
    await watch.says(/"run.waiting"/);
    expect((await done(["cancel", runId, "--reason", "enough"])).exit).toBe(0);
    expect(await watch.exit).toBe(3);
    const events = watch.printed.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string; type: string });
    expect(events.at(-1)?.type).toBe("run.canceled");
    expect(events.map(({ id }) => id)).not.toContain(after);
    // To watch an ended run shows the same again, and its outcome.
    expect((await done(["watch", runId])).exit).toBe(3);
  });

  test("a call is shown before it is approved: its tool, its arguments in order, and where they would go", async () => {
    const script = [
      [
        { call: "pay\u202e\u001b[2J", args: {} },
        { call: "pay", args: { to: "bob\n", amount: 5 } },
      ],
    ];
    const tools = [{ name: "pay", inputSchema: { type: "object" }, target: "external", approval: "always" }];
    const file = join(folder, "pay.json");
    const settings = { providerOptions: { demo: { script } } };
    writeFileSync(file, JSON.stringify({ name: "pay", model: "demo/script", tools, settings }));
    expect((await done(["push", file])).exit).toBe(0);
    const run = hsafa(["run", "pay", "go"]);
    const [, runId = "", callId = ""] = await run.says(/npx hsafa approve (\S+) (\S+)/);

    const asked = await done(["approve", runId, callId]);
    expect(asked.notes).toContain('arguments  {"amount":5,"to":"bob\\n"}');
    expect(asked.notes).toContain("goes to    any program that may write the run");
    expect(asked.notes).toContain("add --yes");
    expect(asked.exit).toBe(2);
    expect((await done(["approve", runId, "call-of-nobody", "--yes"])).notes).toContain("has no call");
    expect((await done(["approve", runId, callId, "--yes"])).out).toBe(`approved ${callId}\n`);
    expect((await done(["answer", runId, callId, "paid"])).exit).toBe(0);
    await run.exit;
    expect(run.printed.notes).toContain("-> pay<U+202E><U+001B>[2J");
    expect(run.printed.notes).toContain("approved by");
  });

  test.each([
    ["an agent that nobody pushed", ["run", "nobody", "hi"], /no such agent.*\[not_found\]/],
    ["a file that is not there", ["push", "none.json"], /There is no file/],
    ["a second gateway on the same folder", ["dev", "--port", "0"], /in use by process/],
    ["an argument that means nothing", ["runs", "--status", "asleep"], /Allowed choices/],
  ])("%s is refused in words, with what to do", async (_what, args, words) => {
    const { exit, notes } = await done(args);
    expect(notes).toMatch(words);
    expect(exit).toBe(2);
  });

  test("a key is made, listed, rotated and revoked; its secret alone is the result", async () => {
    const made = await done(["keys", "create", "ci of acme", "--scopes", "runs:read,runs:write", "--expires", "12h"]);
    expect(made.out).toMatch(/^hsafa_[\w-]+\n$/);
    const [, keyId = ""] = /\(([0-9a-f-]{36})\)/.exec(made.notes) ?? [];
    const asKey = (secret: string) => done(["runs"], { env: { HSAFA_API_KEY: secret.trim() } });
    expect((await asKey(made.out)).exit).toBe(0);
    expect((await done(["keys", "list"])).out).toContain(`${keyId}  ci of acme  [runs:read runs:write]`);

    const rotated = await done(["keys", "rotate", keyId, "--overlap", "0s"]);
    expect((await asKey(rotated.out)).exit).toBe(0);
    expect((await asKey(made.out)).exit).toBe(2);
    expect((await done(["keys", "revoke", keyId])).out).toBe(`revoked ${keyId}\n`);
    expect((await asKey(rotated.out)).exit).toBe(2);
    const wrong = await done(["keys", "create", "x", "--scopes", "everything"]);
    expect(wrong.notes).toContain("'everything' is no scope");
    expect(wrong.exit).toBe(2);
  });

  test("a tenant is made, shown, disabled and enabled; its key alone is the result", async () => {
    const made = await done(["tenants", "create", "acme"]);
    expect(made.out).toMatch(/^hsafa_[\w-]+\n$/);
    const asTenant = () => done(["runs"], { env: { HSAFA_API_KEY: made.out.trim() } });
    expect(await asTenant()).toMatchObject({ exit: 0, out: "" });
    expect((await done(["tenants", "list"])).out).toMatch(/^[0-9a-f-]{36} {2}acme {2}made \S+\n/);
    expect((await done(["tenants", "disable", "acme"])).out).toMatch(/ disabled \S+\n$/);
    expect((await asTenant()).exit).toBe(2);
    expect((await done(["tenants", "enable", "acme"])).out).not.toContain("disabled");
    expect((await done(["tenants", "show", "acme"])).out).toContain("acme");
    const key = await done(["tenants", "key", "acme", "reader", "--scopes", "runs:read"]);
    expect((await done(["runs"], { env: { HSAFA_API_KEY: key.out.trim() } })).exit).toBe(0);
    expect(await done(["tenants", "create", "acme"])).toMatchObject({ exit: 2, out: "" });
  });

  test("a dry run tells the diff and the hash, and makes nothing; the push then has that hash", async () => {
    const file = join(folder, "dry.json");
    const headers = { authorization: "Bearer of-a-service" };
    const tool = {
      name: "t",
      inputSchema: { type: "object" },
      server: { type: "http", url: "https://e.com/", headers },
    };
    const write = (more: object) => writeFileSync(file, JSON.stringify({ name: "dry", model: "demo/echo", ...more }));
    write({});
    const first = await done(["push", file, "--dry-run"]);
    expect(first).toMatchObject({ exit: 0, notes: "" });
    expect((await done(["agents", "--json"])).out).not.toContain('"dry"');
    const [, hash = ""] = /^would create: dry, config (\S+)\n$/.exec(first.out) ?? [];
    expect((await done(["push", file])).out).toContain(`config ${hash}\n`);
    expect((await done(["push", file, "--dry-run"])).out).toMatch(/^unchanged: dry, version 1, config/);
    write({ system: "Be kind.", tools: [tool] });
    const second = await done(["push", file, "--dry-run"]);
    expect(second.out).toContain("  + system  Be kind.\n");
    expect(second.out).toContain("  + tools  ");
    expect(second.out).not.toContain("of-a-service");
  });

  test("a folder is pushed at once; versions are listed, compared and promoted by their labels", async () => {
    const agents = join(folder, "agents");
    mkdirSync(agents);
    const write = (name: string, system: string) =>
      writeFileSync(join(agents, `${name}.json`), JSON.stringify({ name, model: "demo/echo", system }));
    write("one", "First.");
    write("two", "Always.");
    writeFileSync(join(agents, "one.test.ts"), "throw new Error('a test is no agent')");
    expect((await done(["push"])).out).toMatch(/^created: one, version 1 .*\ncreated: two, version 1 .*\n$/);
    write("one", "Second.");
    expect((await done(["push", agents])).out).toMatch(/^created: one, version 2 .*\nunchanged: two, version 1 /);
    expect((await done(["versions", "one"])).out).toMatch(/^\* 2 {2}\S+ {2}config \w{12} .*\n {2}1 /);
    expect((await done(["diff", "one", "1", "2"])).out).toBe('  ~ system  "First." -> "Second."\n');
    const diff = await done(["diff", "one", "1", "2", "--json"]);
    expect(JSON.parse(diff.out)).toEqual({ path: "system", before: "First.", after: "Second." });
    expect((await done(["promote", "one", "1"])).out).toMatch(/^promoted: one, version 1 /);
    expect((await done(["agents"])).out).toMatch(/^one {2}version 1 {2}config \w{12} /m);
    const unknown = await done(["diff", "one", "1", "9"]);
    expect(unknown).toMatchObject({ exit: 2, notes: expect.stringContaining("has no version '9'") as string });
  });

  test("a run that waits says for what, and tools say who offers them", async () => {
    const script = [[{ call: "fetch_moon", args: {} }], [{ say: "done" }]];
    const tools = [{ name: "fetch_moon", inputSchema: { type: "object" } }];
    const file = join(folder, "moon.json");
    const settings = { providerOptions: { demo: { script } } };
    writeFileSync(file, JSON.stringify({ name: "moon", model: "demo/script", tools, settings }));
    await done(["push", file]);
    const run = hsafa(["run", "moon", "go", "--thread", "sky"]);
    await run.says(/no connected device offers fetch_moon/);
    expect((await done(["tools", "moon"])).out).toBe("fetch_moon  device  no connected device offers it\n");
    const [, runId = ""] = await run.says(/^run (\S+)/m);
    const calls = await done(["tool-calls", runId, "--json"]);
    const { id } = JSON.parse(calls.out) as { id: string };
    expect((await done(["events", runId, "--facts"])).out).toMatch(/^1-0 .* run\.created /);
    expect((await done(["answer", runId, id, "full", "--json"])).out).toBe(`{"callId":"${id}","duplicate":false}\n`);
    expect(await run.exit).toBe(0);
    expect((await done(["threads"])).out).toMatch(new RegExp(`^\\S+ {2}completed {5}\\S+ {2}moon$`, "m"));
    expect((await done(["threads", "sky"])).out).toMatch(/^user {7}go\n/);
    const late = await done(["send", runId, "too late"]);
    expect(late).toMatchObject({ exit: 2, out: "" });
  });

  test("what awaits approval is listed with the command that decides it, and denied", async () => {
    const script = [[{ call: "erase", args: { all: true } }], [{ say: "fine" }]];
    const tools = [{ name: "erase", inputSchema: { type: "object" }, target: "external", approval: "always" }];
    const file = join(folder, "erase.json");
    const settings = { providerOptions: { demo: { script } } };
    writeFileSync(file, JSON.stringify({ name: "erase", model: "demo/script", tools, settings }));
    await done(["push", file]);
    const run = hsafa(["run", "erase", "go"]);
    const [, runId = "", callId = ""] = await run.says(/npx hsafa approve (\S+) (\S+)/);
    expect((await done(["approvals"])).out).toContain(`npx hsafa approve ${runId} ${callId}`);
    const denied = await done(["deny", runId, callId, "--reason", "no", "--json"]);
    expect(JSON.parse(denied.out)).toEqual({ runId, callId, approved: false });
    await run.exit;
    expect(run.printed.notes).toContain("erase was denied by");
  });

  test("a token is made for a page, and does only what it names; ending tokens takes a word", async () => {
    const made = await done(["tokens", "create", "--scopes", "runs:read", "--expires", "5m"]);
    const asToken = (args: string[]) => done(args, { env: { HSAFA_API_KEY: made.out.trim() } });
    expect((await asToken(["runs", "--limit", "1"])).exit).toBe(0);
    expect((await asToken(["cancel", "01980000-0000-7000-8000-000000000000"])).exit).toBe(2);
    expect(await done(["tokens", "revoke"])).toMatchObject({ exit: 2, out: "" });
  });

  test("doctor finds what is broken, and says the cure; exit code 2 tells a script", async () => {
    const well = await done(["doctor", "--agent", "one"]);
    expect(well.out).toMatch(/^ok {7}gateway {4}answers at /m);
    expect(well.out).toMatch(/^ok {7}key /m);
    expect(well.exit).toBe(0);
    const env = {
      HSAFA_API_KEY: "wrong",
      DATABASE_URL: "postgres://127.0.0.1:59/x",
      REDIS_URL: url.replace("http", "redis"),
    };
    const ill = await done(["doctor", "--json"], { env });
    const checks = ill.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { name: string; state: string });
    expect(checks.filter(({ state }) => state === "broken").map(({ name }) => name)).toEqual([
      "key",
      "postgres",
      "redis",
    ]);
    expect(ill.exit).toBe(2);
  });

  test("an empty input starts no run, and a misspelt command is told its right name", async () => {
    const empty = await done(["run", "assistant"], { input: " \n" });
    expect(empty).toMatchObject({ exit: 2, out: "", notes: expect.stringContaining("nothing to say") as string });
    const typo = await done(["agnets"]);
    expect(typo).toMatchObject({ exit: 2, notes: expect.stringContaining("Did you mean agents?") as string });
  });

  test("commands in the folder of a gateway find it, whatever its port", async () => {
    expect((await done(["runs", "--limit", "1"], { gatewayUrl: "" })).exit).toBe(0);
  });

  test("a device whose gateway is away says so once, and goes on trying", async () => {
    let attempts = 0;
    const gone = createServer().on("upgrade", (_request, socket) => {
      attempts += 1;
      socket.destroy();
    });
    gone.listen(0, "127.0.0.1");
    await once(gone, "listening");
    onTestFinished(() => void gone.close());
    const { port } = gone.address() as AddressInfo;
    const device = hsafa(["device"], { gatewayUrl: `http://127.0.0.1:${port}`, env: { HSAFA_API_KEY: "a key" } });
    await device.says(/not connected to/);
    // Each attempt would be told before the next one.
    await until("it has tried four times", () => attempts >= 4);
    expect(device.printed.notes.match(/not connected to/g)).toHaveLength(1);
    device.child.kill("SIGINT");
    expect(await device.exit).toBe(0);
  });

  test.each(["bash", "zsh", "fish"])("completion for %s knows commands and options", async (shell) => {
    const { out, exit } = await done(["completion", shell]);
    expect(exit).toBe(0);
    expect(out).toContain("tool-calls");
    expect(out).toContain("dry-run");
  });

  test("the key of this folder goes to the gateway that made it, and to no other", async () => {
    const asked: (string | undefined)[] = [];
    const stranger = createServer((request, response) => {
      asked.push(request.headers.authorization);
      response.writeHead(404).end();
    }).listen(0, "127.0.0.1");
    await once(stranger, "listening");
    const other = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
    const refused = await done(["runs"], { gatewayUrl: other });
    expect(refused.notes).toContain(`is for the gateway at ${url} alone`);
    expect(refused.exit).toBe(2);
    expect(asked).toEqual([]);
    await done(["runs"], { gatewayUrl: other, env: { HSAFA_API_KEY: "one for it" } });
    expect(asked).toEqual(["Bearer one for it"]);
    stranger.close();
  });

  test("a gateway that is away is told, and how to start one", async () => {
    const { exit, notes } = await done(["runs"], {
      gatewayUrl: "http://127.0.0.1:59",
      env: { HSAFA_API_KEY: "a key" },
    });
    expect(notes).toContain("npx hsafa dev");
    expect(exit).toBe(2);
  });
});

/** Commands about calls that await approval: approvals, approve, deny. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startCliWorld } from "./cli-world.ts";

const { folder, hsafa, done, close } = await startCliWorld();
afterAll(close);

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

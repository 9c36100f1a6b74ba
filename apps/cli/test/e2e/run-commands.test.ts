/** Commands about runs: run, watch, cancel, threads, and what a waiting run is told of. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startCliWorld } from "./cli-world.ts";

const root = join(import.meta.dirname, "../../../..");
const { folder, hsafa, done, close } = await startCliWorld();
afterAll(close);

test("a run uses the tools of a device in another process, and its words are the only result", async () => {
  await done(["push", join(root, "examples/assistant.json")]);
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

test("a fork reuses the results up to a position, and says something else at a message", async () => {
  const script = [[{ say: "Once: " }, { call: "ask", args: {} }], [{ say: "it is {{result}}" }]];
  const file = join(folder, "forked.json");
  const tools = [{ name: "ask", target: "external", inputSchema: { type: "object" } }];
  writeFileSync(file, JSON.stringify({ name: "forked", model: "demo/script", tools }));
  expect((await done(["push", file])).exit).toBe(0);
  const started = await done(["run", "forked", "--detach", `demo: ${JSON.stringify(script)}`]);
  const runId = started.out.trim();
  const asking = hsafa(["watch", runId]);
  const [, callId = ""] = await asking.says(/call (\S+)\]/);
  expect((await done(["answer", runId, callId, "tea"])).exit).toBe(0);
  expect(await asking.exit).toBe(0);
  const events = await done(["events", runId, "--json"]);
  const facts = events.out
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text) as { id: string; type: string });
  const at = facts.find(({ type }) => type === "tool.completed")?.id ?? "";

  const again = await done(["fork", runId, at]);
  expect(again).toMatchObject({ exit: 0, out: "it is tea\n" });
  expect(again.notes).toContain(`forked from ${runId} at ${at}`);
  expect(again.notes).toContain("(reused) <- ask tea");
  const other = await done(["fork", runId, "2-0", 'demo: [[{ "say": "Something else." }]]']);
  expect(other).toMatchObject({ exit: 0, out: "Something else.\n" });
  expect((await done(["runs", "--forked-from", runId])).out).toContain(`(fork of ${runId} at ${at})`);
  const waiting = 'demo: [[{ "call": "ask", "args": {} }]]';
  const limited = await done(["fork", runId, "2-0", "--limit-wall-time-ms", "300", waiting]);
  expect(limited.notes).toContain("limit_exceeded");
  const refused = await done(["fork", runId, "999-0"]);
  expect(refused.exit).not.toBe(0);
  expect(refused.notes).toContain("[invalid_position]");
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

test("a run with a schema prints the object that fits it, and nothing else", async () => {
  const script = [[{ say: '{"city": 1}' }], [{ object: { city: "{{user}}" } }]];
  const file = join(folder, "city.json");
  const schema = join(folder, "city.schema.json");
  writeFileSync(
    file,
    JSON.stringify({ name: "city", model: "demo/script", settings: { providerOptions: { demo: { script } } } }),
  );
  writeFileSync(
    schema,
    JSON.stringify({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
  );
  expect((await done(["push", file])).exit).toBe(0);
  const run = await done(["run", "city", "--schema", schema, "Rome"]);
  expect({ ...run, out: JSON.parse(run.out) as unknown }).toMatchObject({ exit: 0, out: { city: "Rome" } });
  expect(run.notes).toContain("(the answer does not fit: /city must be string)");
  const events = await done(["run", "city", "--schema", schema, "--json", "Oslo"]);
  expect(JSON.parse(events.out.trim().split("\n").at(-1) ?? "")).toMatchObject({ data: { output: { city: "Oslo" } } });
  writeFileSync(schema, "[]");
  expect((await done(["run", "city", "--schema", schema, "x"])).notes).toContain("holds no JSON Schema");
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
  expect((await done(["threads"])).out).toMatch(/^\S+ {2}\S+Z {2}sky$/m);
  expect((await done(["threads", "sky"])).out).toMatch(/^user {7}go\n/);
  const late = await done(["send", runId, "too late"]);
  expect(late).toMatchObject({ exit: 2, out: "" });
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
  const listed = (await done(["runs", "--agent", "limited"])).out;
  expect(listed).toMatch(/failed .* limited {2}\[limit_exceeded\] {2}http:\/\/\S+\/runs\/[\w-]+\n$/);
  const wide = await done(["run", "limited", "--limit-tool-calls", "6", "ask"]);
  expect(wide.notes).toContain("which is 5");
  expect(await done(["run", "limited", "--limit-cost-usd", "a lot", "ask"])).toMatchObject({ exit: 2 });
});

test("a run that sleeps says until when, and a later look at it does so too", async () => {
  const file = join(folder, "sleeper.json");
  const tools = [{ name: "sleep", server: { type: "sleep" } }];
  writeFileSync(file, JSON.stringify({ name: "sleeper", model: "demo/script", tools }));
  await done(["push", file]);
  const script = (durationMs: number): string =>
    `demo: ${JSON.stringify([[{ call: "sleep", args: { durationMs } }], [{ say: "morning" }]])}`;
  const run = await done(["run", "sleeper", script(300)]);
  expect(run).toMatchObject({ exit: 0, out: "morning\n" });
  expect(run.notes).toMatch(/ sleeps until \S+Z\n/);
  const long = hsafa(["run", "sleeper", script(3_600_000)]);
  await long.says(/the run sleeps until \S+Z/);
  long.child.kill("SIGINT");
  await long.exit;
});

test("a run shows what its children do, each line after its tool, and they are listed for it", async () => {
  const agentTool = (name: string, agent: string) => ({ name, server: { type: "agent", agent } });
  const model = "demo/script";
  writeFileSync(
    join(folder, "a-boss.json"),
    JSON.stringify({ name: "boss", model, tools: [agentTool("research", "researcher")] }),
  );
  const tools = [agentTool("check", "checker")];
  writeFileSync(join(folder, "b-researcher.json"), JSON.stringify({ name: "researcher", model, tools }));
  writeFileSync(join(folder, "c-checker.json"), JSON.stringify({ name: "checker", model: "demo/echo" }));
  // They are pushed in an order in which the gateway takes them.
  const files = ["a-boss.json", "b-researcher.json", "c-checker.json"].map((name) => join(folder, name));
  expect(await done(["push", ...files])).toMatchObject({ exit: 0 });
  const inner = [[{ call: "check", args: { input: "lemons" } }], [{ say: "There are some." }]];
  const steps = [[{ call: "research", args: { input: `demo: ${JSON.stringify(inner)}` } }], [{ say: "{{result}}" }]];
  const run = await done(["run", "boss", `demo: ${JSON.stringify(steps)}`]);
  expect(run).toMatchObject({ exit: 0, out: "There are some.\n" });
  const [, runId = ""] = /^run (\S+)/m.exec(run.notes) ?? [];
  const [, childId = ""] = / taken by the run (\S+)/.exec(run.notes) ?? [];
  expect(run.notes).toMatch(/^ {3}research: <- check lemons$/m);
  expect(run.notes).toMatch(/^ {3}research: check: \| lemons$/m);
  expect(run.notes).toMatch(/^ {3}research: \| There are some\.$/m);
  expect(run.notes).toContain(`the run ${childId} is completed`);
  const listed = (await done(["runs", "--parent", runId])).out;
  expect(listed).toMatch(/^\S+ {2}completed .* researcher {2}\(child of \S+\) {2}http\S+\n$/);
  expect(listed).toContain(childId);
});

test("a run that waits for a child says which agent works on it", async () => {
  const hold = `demo: ${JSON.stringify([[{ hang: true }]])}`;
  const run = hsafa(["run", "boss", `demo: ${JSON.stringify([[{ call: "research", args: { input: hold } }]])}`]);
  await run.says(/researcher works on it in the run \S+, which is running/);
  const [, runId = ""] = await run.says(/^run (\S+)/m);
  expect((await done(["cancel", runId])).exit).toBe(0);
  expect(await run.exit).toBe(3);
});

test("an empty input starts no run, and a misspelt command is told its right name", async () => {
  const empty = await done(["run", "assistant"], { input: " \n" });
  expect(empty).toMatchObject({ exit: 2, out: "", notes: expect.stringContaining("nothing to say") as string });
  const typo = await done(["agnets"]);
  expect(typo).toMatchObject({ exit: 2, notes: expect.stringContaining("Did you mean agents?") as string });
});

test("conversations are listed newest first, a user's alone, as JSON, and no further than asked", async () => {
  writeFileSync(join(folder, "echo.json"), JSON.stringify({ name: "echo", model: "demo/echo" }));
  await done(["push", "echo.json"]);
  for (const key of ["first", "second"]) await done(["run", "echo", "--thread", key, "hello"]);
  const listed = await done(["threads", "--limit", "2"]);
  expect(listed.out.match(/(?<= {2})(first|second)$/gm)).toEqual(["second", "first"]);
  const one = await done(["threads", "--limit", "1"]);
  expect(one.out).toMatch(/^\S+ {2}\S+Z {2}second\n$/);
  expect(one.notes).toContain("There are more; add --limit");
  const json = await done(["threads", "--limit", "1", "--json"]);
  expect(JSON.parse(json.out)).toMatchObject({ key: "second", subject: null });
  expect(json.notes).toBe("");

  const token = ["tokens", "create", "--scopes", "runs:start,runs:read", "--agents", "echo", "--subject", "ann"];
  const env = { HSAFA_API_KEY: (await done(token)).out.trim() };
  await done(["run", "echo", "--thread", "second", "mine"], { env });
  const of = await done(["threads", "--subject", "ann"]);
  expect(of.out).toMatch(/^\S+ {2}\S+Z {2}second {2}of ann\n$/);
  expect((await done(["threads", "second", "--subject", "ann"])).out).toMatch(/^user {7}mine\n/);
  expect((await done(["threads", "second"])).out).toMatch(/^user {7}hello\n/);
});

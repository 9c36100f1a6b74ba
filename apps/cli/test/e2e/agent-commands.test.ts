/** Commands about agents: push, versions, diff, promote. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startCliWorld } from "./cli-world.ts";

const root = join(import.meta.dirname, "../../../..");
const { folder, done, close } = await startCliWorld();
afterAll(close);

test("an agent that is pushed twice is made once", async () => {
  const push = ["push", join(root, "examples/assistant.json")];
  const [first, second] = [await done(push), await done(push)];
  expect(first.out).toMatch(/^created: assistant, version 1 /);
  expect(second).toEqual({ exit: 0, out: first.out.replace("created", "unchanged"), notes: "" });
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

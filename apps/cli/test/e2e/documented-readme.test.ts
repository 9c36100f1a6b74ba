/** The commands and the program of README.md, played in the folder of a clone. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { DocumentPage, withOther } from "../../../gateway/test/support/document-page.ts";
import { type Command, endLine, startLine } from "./hsafa-command.ts";

const root = join(import.meta.dirname, "../../../..");
/** A clone, as far as these commands look at it. */
const clone = mkdtempSync(join(tmpdir(), "hsafa-readme-"));
for (const name of ["node_modules", "examples"]) symlinkSync(join(root, name), join(clone, name));

const started: Command[] = [];
afterAll(async () => {
  await Promise.all(started.map(endLine));
  rmSync(clone, { recursive: true });
});

function start(line = ""): Command {
  const command = startLine(line, { folder: clone, env: { PORT: "0" } });
  started.push(command);
  return command;
}

async function done(line = ""): Promise<Command["printed"]> {
  const { exit, printed } = start(line);
  expect({ line, code: await exit, printed }).toMatchObject({ code: 0 });
  return printed;
}

test("README.md: the first run by hand, with a device, an approval and a program", { timeout: 180_000 }, async () => {
  const page = new DocumentPage("README.md");
  expect(page.next("").length).toBeGreaterThan(0);
  // CI runs these two on a fresh clone.
  expect(page.commands()).toEqual(["npm ci && npm run demo"]);

  const [dev] = page.commands();
  const gateway = start(dev);
  const [, url = ""] = await gateway.says(/listening on (\S+)/);
  const [device] = page.commands();
  const machine = start(device);
  await machine.says(/connected to/);
  const [push, run, runs, watch = ""] = page.commands();
  expect((await done(push)).out).toContain("created: assistant, version 1");
  expect((await done(push)).out).toContain("unchanged");
  const first = await done(run);
  expect(first.out).toContain("get_time answered");
  const [runId = ""] = (await done(runs)).out.split(" ");
  expect(first.notes).toContain(runId);
  expect((await done(withOther(watch, { "<runId>": runId }))).out).toBe(first.out);

  const [notes, pushRehearsal, rehearse] = page.commands();
  const laptop = start(notes);
  await laptop.says(/connected to/);
  await done(pushRehearsal);
  const rehearsal = start(rehearse);
  const [approve] = await rehearsal.says(/npx hsafa approve \S+ \S+/);
  await done(`${approve} --yes`);
  expect(await rehearsal.exit).toBe(0);

  const key = readFileSync(join(clone, ".hsafa/key"), "utf8").trim();
  const program = withOther(page.next("ts"), { "http://127.0.0.1:3001": url, "hsafa_…": key });
  writeFileSync(join(clone, "program.ts"), program);
  expect((await done(`"${process.execPath}" program.ts`)).out).toContain("get_time answered");

  // Installs and services are played by the tests of docs/your-own-project.md and of the packed packages.
  expect(page.commands().slice(0, 2)).toEqual([
    "npm ci && npm run pack",
    "npx hsafa init ../my-agents --packages packed",
  ]);
  expect(page.commands().at(-1)).toBe("node node_modules/hsafa/dist/bin/hsafa.js start");
  page.end();
});

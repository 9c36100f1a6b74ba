/** Commands about files, and a run with one. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { startCliWorld } from "./cli-world.ts";

const { done, close } = await startCliWorld();
const folder = mkdtempSync(join(tmpdir(), "hsafa-files-"));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await close();
});

const notes = join(folder, "notes.txt");
writeFileSync(notes, "Lemons are sour.");
const agent = join(folder, "viewer.json");
writeFileSync(agent, JSON.stringify({ name: "viewer", model: "demo/files" }));

test("a run is asked about files of this machine, and its model tells what it received", async () => {
  await done(["push", agent]);
  const { exit, out } = await done(["run", "viewer", "--file", notes, "What is this?"]);
  expect(exit).toBe(0);
  expect(out).toMatch(/^notes\.txt: text\/plain, 16 bytes, SHA-256 [0-9a-f]{64}\n$/);
  expect(await done(["run", "viewer", "What?", "--file", join(folder, "none")])).toMatchObject({ exit: 2 });
});

test("a file is uploaded, listed, saved and deleted; what is there is not replaced", async () => {
  const uploaded = await done(["files", "upload", notes, "--json"]);
  const { id } = JSON.parse(uploaded.out) as { id: string };
  expect((await done(["files", "list"])).out).toContain(`${id}  text/plain  16 bytes  notes.txt\n`);
  const copy = join(folder, "copy.txt");
  expect(await done(["files", "download", id, copy])).toMatchObject({ exit: 0, out: `saved: ${copy}\n` });
  expect(readFileSync(copy, "utf8")).toBe("Lemons are sour.");
  expect(await done(["files", "download", id, copy])).toMatchObject({ exit: 2 });
  expect((await done(["files", "rm", id])).out).toBe(`deleted: ${id}\n`);
  const gone = await done(["files", "download", id, join(folder, "gone.txt")]);
  expect(gone.exit).not.toBe(0);
});

import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { closeEntries, makePrivateFolder } from "./private-folder.ts";

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "hsafa-private-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const isOurs = (name: string): boolean => [".gitignore", "key", "postgres"].includes(name);
const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o7777).toString(8);

test("a new folder is its owner's alone whatever the umask, and git does not see it", async () => {
  const folder = join(parent, "new", "data");
  expect(await makePrivateFolder(folder, isOurs)).toEqual({ kind: "private" });
  expect(await modeOf(folder)).toBe("700");
  expect(await readFile(join(folder, ".gitignore"), "utf8")).toMatch(/^\*$/m);
  expect(await modeOf(join(folder, ".gitignore"))).toBe("600");
});

test("a folder with wide modes is mended, with all that is ours in it and nothing else", async () => {
  const folder = join(parent, "data");
  await mkdir(join(folder, "postgres", "base"), { recursive: true });
  const files = ["key", "postgres/PG_VERSION", "postgres/base/1", "notes.txt"];
  for (const file of files) {
    await writeFile(join(folder, file), "");
    await chmod(join(folder, file), 0o666);
  }
  await chmod(join(folder, "postgres", "base"), 0o777);
  await chmod(folder, 0o755);
  const outside = join(parent, "outside");
  await writeFile(outside, "");
  await chmod(outside, 0o644);
  await symlink(outside, join(folder, "postgres", "link"));
  await writeFile(join(folder, ".gitignore"), "!key\n");

  expect(await makePrivateFolder(folder, isOurs)).toEqual({ kind: "private" });
  await closeEntries(folder, isOurs);
  expect(await modeOf(folder)).toBe("700");
  expect(await Promise.all(files.map((file) => modeOf(join(folder, file))))).toEqual(["600", "600", "600", "666"]);
  expect(await modeOf(join(folder, "postgres", "base"))).toBe("700");
  expect(await modeOf(outside)).toBe("644");
  expect(await readFile(join(folder, ".gitignore"), "utf8")).toBe("!key\n");
});

test("a folder in which other files lie is not hidden from git", async () => {
  await writeFile(join(parent, "main.ts"), "");
  await makePrivateFolder(parent, isOurs);
  expect(await readdir(parent)).toEqual(["main.ts"]);
});

test("a folder that many users share is not taken from them", async () => {
  const folder = join(parent, "shared");
  await mkdir(folder);
  await chmod(folder, 0o1777);
  const privacy = await makePrivateFolder(folder, isOurs);
  expect(privacy.kind === "shared" && privacy.detail).toContain(folder);
  expect(await modeOf(folder)).toBe("1777");
  expect(await readdir(folder)).toEqual([".gitignore"]);
});

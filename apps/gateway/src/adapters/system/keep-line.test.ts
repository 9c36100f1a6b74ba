import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keepLine } from "./keep-line.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hsafa-lines-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("a line stands there until it is taken back, and only the owner may read it", async () => {
  const path = join(folder, "url");
  const remove = await keepLine(path, "http://127.0.0.1:1");
  expect(await readFile(path, "utf8")).toBe("http://127.0.0.1:1\n");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await remove();
  expect(await readdir(folder)).toEqual([]);
  await remove();
});

test("who comes later is named, and who goes first does not take the other's line away", async () => {
  const path = join(folder, "url");
  const removeFirst = await keepLine(path, "http://127.0.0.1:1");
  const removeSecond = await keepLine(path, "http://127.0.0.1:2");
  await removeFirst();
  expect(await readFile(path, "utf8")).toBe("http://127.0.0.1:2\n");
  await removeSecond();
  expect(await readdir(folder)).toEqual([]);
});

import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keepLine } from "./keep-line.ts";
import { KEPT_LINES_MAX } from "./limits.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hsafa-lines-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("a line stands there until it is taken out, beside those of others, and only the owner may read it", async () => {
  const path = join(folder, "urls");
  const removeFirst = await keepLine(path, "http://127.0.0.1:1");
  const removeSecond = await keepLine(path, "http://127.0.0.1:2");
  expect(await readFile(path, "utf8")).toBe("http://127.0.0.1:1\nhttp://127.0.0.1:2\n");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await removeFirst();
  expect(await readFile(path, "utf8")).toBe("http://127.0.0.1:2\n");
  await removeSecond();
  expect(await readdir(folder)).toEqual([]);
});

test("lines that nobody takes out do not pile up", async () => {
  const path = join(folder, "left");
  for (let index = 0; index <= KEPT_LINES_MAX; index++) await keepLine(path, `line ${index}`);
  const lines = (await readFile(path, "utf8")).trim().split("\n");
  expect(lines).toHaveLength(KEPT_LINES_MAX);
  expect(lines.at(-1)).toBe(`line ${KEPT_LINES_MAX}`);
});

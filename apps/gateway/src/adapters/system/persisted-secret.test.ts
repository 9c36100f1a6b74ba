import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { persistedSecret } from "./persisted-secret.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hsafa-secret-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("processes that make a secret at once all get one, in a file that only its owner may read", async () => {
  const path = join(folder, "new", "key");
  const made = await Promise.all(
    Array.from({ length: 20 }, (_, index) => persistedSecret({ path, make: () => `secret-${index}` })),
  );
  expect(new Set(made).size).toBe(1);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, "new"))).toEqual(["key"]);
  expect(await persistedSecret({ path, make: () => "another" })).toBe(made[0]);
});

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createProject } from "./create-project.ts";

const base = mkdtempSync(join(tmpdir(), "hsafa-create-"));
afterAll(() => rmSync(base, { recursive: true }));

test("a project has an agent, a device and a page, keeps keys out of git, and bears its folder's name", () => {
  const folder = join(base, "My Agents");
  const files = createProject({ folder, version: "1.2.3", tarballs: undefined });
  const wanted = ["agents/assistant.ts", "device.ts", "src/chat.tsx", ".env", ".gitignore", "package.json"];
  expect(files).toEqual(expect.arrayContaining(wanted));
  expect(readFileSync(join(folder, ".gitignore"), "utf8")).toMatch(/^\.hsafa$[\s\S]*^\.env$/m);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  expect(manifest).toMatchObject({ name: "my-agents", dependencies: { hsafa: "^1.2.3", "@hsafa/client": "^1.2.3" } });
});

test("a folder that holds anything is refused, and loses nothing", () => {
  const folder = join(base, "taken");
  mkdirSync(folder);
  writeFileSync(join(folder, "README.md"), "mine");
  expect(() => createProject({ folder, version: "1.2.3", tarballs: undefined })).toThrow(/is not empty.*README\.md/);
  expect(readdirSync(folder)).toEqual(["README.md"]);
  expect(readFileSync(join(folder, "README.md"), "utf8")).toBe("mine");
});

test("a folder without our tarballs is refused before anything is written", () => {
  const folder = join(base, "none");
  expect(() => createProject({ folder, version: "1.2.3", tarballs: base })).toThrow("holds no tarball of hsafa");
  expect(existsSync(folder)).toBe(false);
});

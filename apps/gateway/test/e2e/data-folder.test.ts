import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { listeningUrl, MAIN } from "../support/gateway-program.ts";

let parent: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "hsafa-folder-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(parent, { recursive: true, force: true });
});

/** Starts a gateway whose umask closes nothing, and returns how to reach and to stop it. */
async function startOpenHanded(dataDir: string): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const env = { PATH: process.env.PATH ?? "", PORT: "0", HSAFA_DATA_DIR: dataDir };
  const child = spawn("sh", ["-c", `umask 0; exec "${process.execPath}" "${MAIN}"`], {
    env,
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  const url = await listeningUrl(child);
  return {
    url,
    async stop() {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      await exit;
    },
  };
}

/** The entries that others may do anything with. */
async function openEntries(folder: string): Promise<string[]> {
  const open: string[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const path of [folder, ...entries.map((entry) => join(entry.parentPath, entry.name))]) {
    // The database removes files while it runs.
    const found = await stat(path).catch(() => null);
    // The kernel asks for the folder's mode before it lets anybody come to a socket in it.
    if (found !== null && !found.isSocket() && (found.mode & 0o077) !== 0) open.push(path);
  }
  return open;
}

test("the data folder is its owner's alone, with files that are made later, whatever the umask and the modes before", async () => {
  const folder = join(parent, ".hsafa");
  const first = await startOpenHanded(folder);
  expect(await openEntries(folder)).toEqual([]);
  expect(await readFile(join(folder, ".gitignore"), "utf8")).toContain("*");
  // Enough for files that the template does not have: a run with its events, and a new segment of the log.
  const key = (await readFile(join(folder, "key"), "utf8")).trim();
  const post = (path: string, body: object): Promise<Response> =>
    fetch(first.url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  await post("/api/agents", { name: "echo", config: { name: "echo", model: "demo/echo" } });
  for (let nth = 0; nth < 30; nth++) await post("/api/runs", { agent: "echo", input: `${nth}`.repeat(200_000) });
  expect(await openEntries(folder)).toEqual([]);
  await first.stop();

  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  for (const file of files) await chmod(join(file.parentPath, file.name), 0o666);
  await chmod(folder, 0o777);
  const second = await startOpenHanded(folder);
  expect(await openEntries(folder)).toEqual([]);
  await second.stop();
  expect(await openEntries(folder)).toEqual([]);
});

test("a secret opens after a restart, since the key for it is kept in the folder", async () => {
  const folder = join(parent, ".hsafa");
  const first = await startOpenHanded(folder);
  const key = (await readFile(join(folder, "key"), "utf8")).trim();
  const ask = (url: string, method: string, path: string, body?: object): Promise<Response> =>
    fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  expect((await ask(first.url, "PUT", "/api/secrets/crm", { value: "value-of-the-secret" })).status).toBe(201);
  const kept = await readFile(join(folder, "secrets-key"), "utf8");
  await first.stop();
  const second = await startOpenHanded(folder);
  expect(await readFile(join(folder, "secrets-key"), "utf8")).toBe(kept);
  const server = { type: "http", url: "http://10.0.0.1/", headers: { authorization: { secret: "crm" } } };
  const config = {
    name: "a",
    model: "demo/script",
    tools: [{ name: "get", inputSchema: { type: "object" }, server }],
    settings: { providerOptions: { demo: { script: [[{ call: "get", args: {} }], [{ say: "over" }]] } } },
  };
  await ask(second.url, "POST", "/api/agents", { name: "a", config });
  const { runId } = (await (await ask(second.url, "POST", "/api/runs", { agent: "a", input: "go" })).json()) as {
    runId: string;
  };
  // A secret that did not open would fail the call before its address does.
  const failed = await vi.waitUntil(
    async () => {
      const answer = await ask(second.url, "GET", `/api/runs/${runId}/tool-calls`);
      const { data } = (await answer.json()) as { data: { error: { code: string } | null }[] };
      return data[0]?.error;
    },
    { timeout: 20_000, interval: 50 },
  );
  expect(failed?.code).toBe("address_refused");
  await second.stop();
});

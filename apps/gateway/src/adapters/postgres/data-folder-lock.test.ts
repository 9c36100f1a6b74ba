import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "../../../test/support/until.ts";
import { DataFolderInUse, lockDataFolder } from "./data-folder-lock.ts";

let folder: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "hsafa-lock-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }
  await rm(folder, { recursive: true, force: true });
});

/** Another process that takes the lock and keeps it; `said` is what became of it. */
async function otherProcess(): Promise<{ child: ChildProcess; said: string }> {
  const module = new URL("data-folder-lock.ts", import.meta.url).href;
  const script = `
    const { lockDataFolder } = await import(${JSON.stringify(module)});
    try { await lockDataFolder(${JSON.stringify(folder)}); console.log("taken"); setInterval(() => {}, 1000); }
    catch (error) { console.log(error.name); }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  return { child, said: chunk.toString().trim() };
}

test("a second process is refused with the name of the first, and let in once that was killed", async () => {
  const { child, said } = await otherProcess();
  expect(said).toBe("taken");
  const refusal = await lockDataFolder(folder).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(DataFolderInUse);
  expect(String(refusal)).toMatch(new RegExp(`${folder} is in use by process ${child.pid}, since 20..-`));
  expect(String(refusal)).toContain("HSAFA_DATA_DIR");
  child.kill("SIGKILL");
  await once(child, "exit");
  const lock = await lockDataFolder(folder);
  expect((await otherProcess()).said).toBe("DataFolderInUse");
  await lock.release();
  expect(await readdir(folder)).toEqual([]);
});

test("the same process cannot take a folder twice, and can again once it gave it back", async () => {
  const lock = await lockDataFolder(folder);
  await expect(lockDataFolder(folder)).rejects.toThrow(`this very process (${process.pid})`);
  await lock.release();
  await (await lockDataFolder(folder)).release();
});

test("of many processes that find a dead one's lock at the same moment exactly one takes it over", async () => {
  const dead = { pid: 2 ** 22 - 1, host: hostname(), startedAt: "1", since: new Date().toISOString() };
  await writeFile(join(folder, "lock.json"), JSON.stringify(dead));
  const outcomes = await Promise.all(Array.from({ length: 5 }, otherProcess));
  expect(outcomes.map((outcome) => outcome.said).toSorted()).toEqual([
    ...Array<string>(4).fill("DataFolderInUse"),
    "taken",
  ]);
});

test("a pid that the system has given to another process since does not keep the folder; nor does a file that says nothing", async () => {
  const path = join(folder, "lock.json");
  const recycled = {
    pid: process.ppid,
    host: hostname(),
    startedAt: "of another boot",
    since: new Date().toISOString(),
  };
  await writeFile(path, JSON.stringify(recycled));
  await (await lockDataFolder(folder)).release();
  await writeFile(path, "");
  const lock = await lockDataFolder(folder);
  expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid });
  await lock.release();
});

test("a holder on another host cannot be looked up, so it counts as alive, and the message says what to remove", async () => {
  const path = join(folder, "lock.json");
  const elsewhere = { pid: 1, host: "another-container", startedAt: "1", since: new Date().toISOString() };
  await writeFile(path, JSON.stringify(elsewhere));
  await expect(lockDataFolder(folder)).rejects.toThrow(`process 1 on host another-container`);
  await expect(lockDataFolder(folder)).rejects.toThrow(`remove ${path}`);
});

/** Makes the lock say that its holder runs in another container on this kernel, where its pid means another process. */
async function moveIntoContainer(): Promise<void> {
  const path = join(folder, "lock.json");
  const holder = JSON.parse(await readFile(path, "utf8")) as object;
  // In one step: the holder reads its lock at each heartbeat, and half a file is no lock of its own.
  const draft = `${path}.draft`;
  await writeFile(draft, JSON.stringify({ ...holder, pid: 1, host: "old-container", pidNamespace: "pid:[1]" }));
  await rename(draft, path);
}

test("a holder in another container keeps the folder while it lives, and loses it at once when it is killed", async () => {
  const { child } = await otherProcess();
  await moveIntoContainer();
  await expect(lockDataFolder(folder)).rejects.toThrow("process 1 on host old-container");
  child.kill("SIGSTOP");
  await expect(lockDataFolder(folder)).rejects.toBeInstanceOf(DataFolderInUse);
  child.kill("SIGKILL");
  await once(child, "exit");
  const lock = await lockDataFolder(folder);
  await lock.release();
  expect(await readdir(folder)).toEqual([]);
});

test("a holder whose lock was removed or taken over is told, so that it writes nothing more", async () => {
  const path = join(folder, "lock.json");
  const told: string[] = [];
  const lock = await lockDataFolder(folder, (why) => told.push(why));
  await rm(path);
  const other = { pid: 1, host: "another-container", startedAt: "1", since: new Date().toISOString(), token: "other" };
  await writeFile(path, JSON.stringify(other));
  await until("the holder is told", () => told.length > 0);
  expect(told).toEqual([expect.stringContaining("process 1 on host another-container")]);
  await lock.release();
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual(other);
});

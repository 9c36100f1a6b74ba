import { expect, test } from "vitest";
import { type LockHolder, type HolderSigns, mayLive } from "./lock-holder.ts";

const self = { pid: 7, host: "here", bootId: "boot", pidNamespace: "ns 1" };
const since = "2026-01-01T00:00:00.000Z";

/** Signs of which the rule may ask for those that are given. */
function signs(given: Partial<HolderSigns>): HolderSigns {
  const unasked = (): never => {
    throw new Error("the rule asks for what cannot tell");
  };
  return { process: unasked, socket: unasked, beat: unasked, ...given };
}
const process = (startedAt: string | null): Partial<HolderSigns> => ({
  process: async () => ({ kind: "there", startedAt }),
});
const gone: Partial<HolderSigns> = { process: async () => ({ kind: "gone" }) };
const socket = (answer: Awaited<ReturnType<HolderSigns["socket"]>>): Partial<HolderSigns> => ({
  socket: async () => answer,
});
const beat = (answer: Awaited<ReturnType<HolderSigns["beat"]>>): Partial<HolderSigns> => ({ beat: async () => answer });

const near: LockHolder = { ...self, pid: 9, startedAt: "5", since, socket: "s" };
const container: LockHolder = { ...near, host: "old-container", pidNamespace: "ns 2" };
const before: LockHolder = { ...near, host: "here", bootId: "boot before" };
const old: LockHolder = { pid: 9, host: "here", startedAt: "5", since };
const away: LockHolder = { pid: 9, host: "elsewhere", startedAt: "5", since };

test.each([
  ["a process of this namespace that runs", near, process("5"), true],
  ["a process of this namespace that is gone", near, gone, false],
  ["a pid that another process has by now", near, process("6"), false],
  ["this very pid", { ...near, pid: 7 }, process("5"), false],
  ["another host name in the same namespace, whose process is gone", { ...near, host: "renamed" }, gone, false],
  ["a container on this kernel whose socket is open", container, socket("open"), true],
  ["a container on this kernel that was killed", container, socket("refused"), false],
  [
    "a container whose socket tells nothing, and that beats",
    container,
    { ...socket("unknown"), ...beat("beats") },
    true,
  ],
  [
    "a container whose socket tells nothing, and that is silent",
    container,
    { ...socket("unknown"), ...beat("silent") },
    false,
  ],
  ["a container without a socket that is silent", { ...container, socket: null }, beat("silent"), false],
  ["a process before the reboot", before, beat("silent"), false],
  ["a process on another machine of the same name", before, beat("beats"), true],
  ["a process of an earlier version here that runs", old, process("5"), true],
  ["a process of an earlier version here that is gone", old, gone, false],
  ["a process of an earlier version elsewhere, of which nothing is known", away, beat("never"), true],
] as const)("%s", async (_what, holder, given, lives) => {
  expect(await mayLive(holder, self, signs(given))).toBe(lives);
});

test("without what Linux tells, a process of this host is looked up, and one of another host must beat", async () => {
  const mac = { pid: 7, host: "here", bootId: null, pidNamespace: null };
  const local: LockHolder = { ...mac, pid: 9, startedAt: null, since, socket: "s" };
  expect(await mayLive(local, mac, signs(gone))).toBe(false);
  expect(await mayLive(local, mac, signs(process(null)))).toBe(true);
  expect(await mayLive({ ...local, host: "elsewhere" }, mac, signs(beat("silent")))).toBe(false);
  expect(await mayLive(near, mac, signs(beat("silent")))).toBe(false);
});

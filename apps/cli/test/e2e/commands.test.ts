import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../../../..");
const folder = mkdtempSync(join(tmpdir(), "hsafa-commands-"));
const started: Command[] = [];
let url = "";

/** A command in a process of its own, in the folder of this test. */
interface Command {
  readonly child: ChildProcess;
  readonly printed: { out: string; notes: string };
  readonly exit: Promise<number | null>;
  /** Resolves with the match once the output has one. Rejects if the command ends without it. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

function hsafa(args: readonly string[], gatewayUrl = url): Command {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [join(root, "apps/cli/bin/hsafa.js"), ...args], {
    cwd: folder,
    env: { PATH, HOME, HSAFA_URL: gatewayUrl, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { out: "", notes: "" };
  const listeners = new Set<(hasEnded: boolean) => void>();
  const hear = (hasEnded: boolean): void => {
    for (const listener of listeners) listener(hasEnded);
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed.out += text;
    hear(false);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed.notes += text;
    hear(false);
  });
  const exit = new Promise<number | null>((resolve) => {
    child.once("close", (code) => {
      hear(true);
      resolve(code);
    });
  });
  const says = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (hasEnded: boolean): void => {
        const match = pattern.exec(`${printed.out}\n${printed.notes}`);
        if (match === null && !hasEnded) return;
        listeners.delete(look);
        if (match !== null) resolve(match);
        else reject(new Error(`'hsafa ${args.join(" ")}' ended without ${pattern}:\n${printed.out}\n${printed.notes}`));
      };
      listeners.add(look);
      look(child.exitCode !== null);
    });
  const command = { child, printed, exit, says };
  started.push(command);
  return command;
}

async function done(
  args: readonly string[],
  gatewayUrl = url,
): Promise<{ exit: number | null; out: string; notes: string }> {
  const command = hsafa(args, gatewayUrl);
  const exit = await command.exit;
  return { exit, ...command.printed };
}

beforeAll(async () => {
  const gateway = hsafa(["dev", "--port", "0"]);
  url = (await gateway.says(/listening on (\S+)/))[1] ?? "";
});

afterAll(async () => {
  for (const { child } of started.toReversed()) child.kill("SIGTERM");
  await Promise.all(started.map(({ exit }) => exit));
  rmSync(folder, { recursive: true });
});

describe("the commands, against a gateway of 'hsafa dev'", () => {
  test("an agent that is pushed twice is made once", async () => {
    const push = ["push", join(root, "examples/assistant.json")];
    const [first, second] = [await done(push), await done(push)];
    expect(first.out).toMatch(/^created: assistant, version 1 /);
    expect(second).toEqual({ exit: 0, out: first.out.replace("created", "unchanged"), notes: "" });
  });

  test("a run uses the tools of a device in another process, and its words are the only result", async () => {
    const device = hsafa(["device", "--key", "test"]);
    await device.says(/connected to/);
    const run = await done(["run", "assistant", "What", "time", "is", "it?"]);
    expect(run.exit).toBe(0);
    expect(run.notes).toContain("> What time is it?");
    expect(run.out).toContain('describe_machine answered: {"platform"');
    expect(run.out).not.toContain("->");
    expect(device.printed.notes).toContain("<- get_time");
    device.child.kill("SIGINT");
    expect(await device.exit).toBe(0);
  });

  test("a run whose answer was cut says so, and has an exit code of its own", async () => {
    const script = [[{ say: "Half an ans" }, { finish: "length" }]];
    const file = join(folder, "cut.json");
    const settings = { providerOptions: { demo: { script } } };
    writeFileSync(file, JSON.stringify({ name: "cut", model: "demo/script", settings }));
    expect((await done(["push", file])).exit).toBe(0);
    const run = await done(["run", "cut", "go"]);
    expect(run.exit).toBe(4);
    expect(run.out).toContain("Half an ans");
    expect(run.notes).toContain("the answer is not whole: it ended with 'length'");
    expect((await done(["runs", "--agent", "cut"])).out).toContain("(length)");
    const [, runId = ""] = /^run (\S+)/m.exec(run.notes) ?? [];
    expect((await done(["watch", runId])).exit).toBe(4);
  });

  test("Ctrl-C stops watching and not the run; the position it tells leads back", async () => {
    expect((await done(["push", join(root, "examples/rehearsal.json")])).exit).toBe(0);
    const run = hsafa(["run", "rehearsal", "go"]);
    await run.says(/Let me look/);
    run.child.kill("SIGINT");
    expect(await run.exit).toBe(130);
    const [, runId = "", after = ""] = await run.says(/hsafa watch (\S+) --after (\S+)/);

    const watch = hsafa(["watch", runId, "--after", after, "--json"]);
    await watch.says(/"run.waiting"/);
    expect((await done(["cancel", runId, "--reason", "enough"])).exit).toBe(0);
    expect(await watch.exit).toBe(3);
    const events = watch.printed.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string; type: string });
    expect(events.at(-1)?.type).toBe("run.canceled");
    expect(events.map(({ id }) => id)).not.toContain(after);
    // To watch an ended run shows the same again, and its outcome.
    expect((await done(["watch", runId])).exit).toBe(3);
  });

  test.each([
    ["an agent that nobody pushed", ["run", "nobody", "hi"], /no such agent.*\[not_found\]/],
    ["a file that is not there", ["push", "none.json"], /There is no file/],
    ["a second gateway on the same folder", ["dev", "--port", "0"], /in use by process/],
    ["an argument that means nothing", ["runs", "--status", "asleep"], /Allowed choices/],
  ])("%s is refused in words, with what to do", async (_what, args, words) => {
    const { exit, notes } = await done(args);
    expect(notes).toMatch(words);
    expect(exit).toBe(2);
  });

  test("a gateway that is away is told, and how to start one", async () => {
    const { exit, notes } = await done(["runs"], "http://127.0.0.1:59");
    expect(notes).toContain("npx hsafa dev");
    expect(exit).toBe(2);
  });
});

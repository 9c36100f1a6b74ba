/**
 * A server process for one test, in a temporary folder, on a free port. It never outlives the process that started it.
 *
 * The folder has a warden: a shell that waits for the end of its standard input. That comes when the owner closes it or
 * dies by any signal. Then the warden ends the server by its id and removes the folder. So Ctrl-C and SIGKILL clean up
 * in the same way.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";

export interface ThrowawayServer {
  readonly url: string;
  /**
   * Ends the process, and waits for it. Data and port are kept for `start`. SIGQUIT is Postgres's immediate shutdown.
   */
  stop(signal?: "SIGINT" | "SIGTERM" | "SIGQUIT" | "SIGKILL"): Promise<void>;
  /** Freezes or continues the process and (only on Linux) its children. A frozen one keeps its sockets silently. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /**
   * Gives its processes together about as much of the processor as one process has (only on Linux). Each of them is a
   * session of its own, and Linux gives the processor to sessions in turn.
   */
  weighAsOne(): void;
  /** Starts it again after `stop`, on the same port with the same data. */
  start(): Promise<void>;
  /** Ends the process and removes its folder. May be called twice. */
  remove(): Promise<void>;
}

/** One that was raised from a recipe. */
export interface RaisedServer extends ThrowawayServer {
  /** Holds what the server keeps. */
  readonly folder: string;
}

export interface ServerRecipe {
  name: string;
  url: (port: number) => string;
  command: (folder: string, port: number) => { program: string; args: string[] };
  /** The server prints it when it accepts connections. */
  readyText: string;
  /** The user of the process, if it is not the user of the tests. */
  user?: { uid: number; gid: number } | undefined;
  prepare?: (folder: string) => Promise<void>;
  /** Called before each start, for a file that names the port. */
  beforeStart?: (folder: string, port: number) => Promise<void>;
}

/** Another process may take a port before its use, and the shared memory of a killed server outlives it a little. */
const startAttemptsMax = 8;
const startRetryDelayMs = 250;
const CHILD_POLL_MS = 5;
const outputKeptMaxChars = 4_000;

const wardenScript = `
cat >/dev/null
if [ -f "$1/pid" ]; then
  pid=$(cat "$1/pid")
  kill -INT "$pid" 2>/dev/null
  waits=0
  while kill -0 "$pid" 2>/dev/null && [ "$waits" -lt 50 ]; do sleep 0.1; waits=$((waits + 1)); done
  kill -KILL "$pid" 2>/dev/null
fi
rm -rf "$1"
`;

/** Prepares the folder and starts the server. Resolves when it accepts connections. */
export async function raiseServer(recipe: ServerRecipe): Promise<RaisedServer> {
  // A server of another user must be able to read its folder. The temporary folder of root may not allow that.
  const folder = await mkdtemp(join(recipe.user === undefined ? tmpdir() : "/tmp", `hsafa-test-${recipe.name}-`));
  const warden = spawn("sh", ["-c", wardenScript, "warden", folder], {
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
    detached: true,
  });
  const wardenEnd = once(warden, "exit");
  try {
    if (recipe.user !== undefined) await chown(folder, recipe.user.uid, recipe.user.gid);
    await recipe.prepare?.(folder);
    let port = await freePort();
    let child = await startWithRetry(async () => {
      port = await freePort();
      return port;
    });

    async function startWithRetry(choosePort: () => Promise<number>): Promise<ChildProcess> {
      for (let attempt = 1; ; attempt++) {
        const started = await startOnce(recipe, folder, await choosePort());
        if (started.kind === "ready") return started.child;
        if (attempt === startAttemptsMax) throw new Error(`${recipe.name} did not start:\n${started.output}`);
        await sleep(startRetryDelayMs);
      }
    }

    async function stop(signal: NodeJS.Signals = "SIGINT"): Promise<void> {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      const children = childrenOf(child);
      child.kill(signal);
      await exit;
      // The processes of connections outlive one that is killed by a moment, and answer meanwhile.
      while (children.some(isThere)) await sleep(CHILD_POLL_MS);
      await rm(join(folder, "pid"), { force: true });
    }

    return {
      url: recipe.url(port),
      folder,
      stop,
      signal(signal) {
        child.kill(signal);
        // It is stopped before its children are listed, so it starts no more of them.
        for (const pid of childrenOf(child)) process.kill(pid, signal);
      },
      weighAsOne() {
        for (const pid of childrenOf(child)) lowerSession(pid);
      },
      async start() {
        await stop();
        child = await startWithRetry(async () => port);
      },
      async remove() {
        await stop();
        warden.stdin.end();
        await wardenEnd;
      },
    };
  } catch (error) {
    warden.stdin.end();
    await wardenEnd;
    throw error;
  }
}

async function startOnce(
  recipe: ServerRecipe,
  folder: string,
  port: number,
): Promise<{ kind: "ready"; child: ChildProcess } | { kind: "failed"; output: string }> {
  await recipe.beforeStart?.(folder, port);
  const { program, args } = recipe.command(folder, port);
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: folder,
    // A process group of its own, so that Ctrl-C does not reach it directly.
    detached: true,
    ...recipe.user,
  });
  if (child.pid !== undefined) await writeFile(join(folder, "pid"), String(child.pid));
  let output = "";
  const ready = await new Promise<boolean>((resolve) => {
    const read = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-outputKeptMaxChars);
      if (output.includes(recipe.readyText)) resolve(true);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", () => resolve(false));
    child.once("error", (error) => {
      output += String(error);
      resolve(false);
    });
  });
  if (ready) return { kind: "ready", child };
  await rm(join(folder, "pid"), { force: true });
  return { kind: "failed", output };
}

/** A tenth of the weight of other sessions: a server under load has about ten processes at work. */
const SESSION_NICENESS = "10";

function lowerSession(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, SESSION_NICENESS);
  } catch {
    // It has ended, it is not ours, or the system has no such groups.
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function childrenOf({ pid }: ChildProcess): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

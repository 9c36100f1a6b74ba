import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { programEnv } from "../support/program-env.ts";

/**
 * A child process that is spoken to in lines. Each is a session of its own, as services are. Linux gives the processor
 * to sessions in turn, so a gateway and those who attack it would otherwise share one turn.
 */
export class LineProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [program, ...args], {
      env: { ...programEnv(), ...env },
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
    });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error("a child with a pipe has an output");
    const lines: Interface = createInterface({ input: stdout });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#child.spawnargs.join(" ")} did not start`);
    return this.#child.pid;
  }

  /** Resolves with the next line. Rejects if the process ended. */
  async line(): Promise<string> {
    const next: IteratorResult<string, unknown> = await this.#lines.next();
    if (next.done === true) throw new Error(`${this.#child.spawnargs.slice(0, 2).join(" ")} ended`);
    return next.value;
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Ends it, and resolves when it has ended. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    await ended;
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { programEnv } from "./program-env.ts";

/** What a gateway holds after a collection of garbage. Sizes are bytes. */
export interface Held {
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly rss: number;
  /** All that keeps the process alive, but for timers. */
  readonly handles: number;
  /** TCP connections, which are handles too. */
  readonly sockets: number;
  /** Timers that keep the process alive. */
  readonly timers: number;
  /** The processor time that it has used so far, in milliseconds. */
  readonly cpuMs: number;
}

const PROGRAM = join(import.meta.dirname, "measured-gateway.ts");
const LOG_CHARACTERS_MAX = 100_000;

/** A gateway in a process of its own, whose memory can be asked for. */
export class MeasuredProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #reader: Interface;
  #log = "";
  #ended: string | null = null;

  constructor(env: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, ["--expose-gc", PROGRAM], {
      env: { ...programEnv(), PORT: "0", ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new Error("the program has no pipes");
    stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_CHARACTERS_MAX);
    });
    this.#child.on("exit", (code, signal) => {
      this.#ended = `it ended with ${signal ?? code}: ${this.#log.slice(-2000)}`;
    });
    this.#reader = createInterface({ input: stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Null while it lives; else how it ended. */
  get ended(): string | null {
    return this.#ended;
  }

  /** The last of what it wrote to its log. */
  get log(): string {
    return this.#log;
  }

  async listeningUrl(): Promise<string> {
    const url = /^listening on (\S+)$/.exec(await this.#nextLine())?.[1];
    if (url === undefined) throw new Error("the gateway did not say where it listens");
    return url;
  }

  async held(): Promise<Held> {
    this.#child.stdin?.write("measure\n");
    return JSON.parse(await this.#nextLine()) as Held;
  }

  async end(): Promise<void> {
    if (this.#ended !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.stdin?.write("end\n");
    await exit;
    this.#reader.close();
  }

  async #nextLine(): Promise<string> {
    const line: IteratorResult<string, undefined> = await this.#lines.next();
    if (line.done === true) throw new Error(this.#ended ?? `the gateway ended: ${this.#log.slice(-2000)}`);
    return line.value;
  }
}

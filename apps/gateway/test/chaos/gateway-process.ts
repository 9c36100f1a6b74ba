import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Processes } from "./processes.ts";
import { programEnv } from "../support/program-env.ts";

export const GATEWAY_PROGRAM = join(import.meta.dirname, "../../src/main.ts");

/** One gateway of the fleet in a process of its own, which a supervisor would restart. */
export interface GatewayProcess {
  readonly index: number;
  /** Null while it is not up. */
  readonly gatewayId: string | null;
  readonly pid: number | null;
  /**
   * Starts it, and resolves when it serves. Tries again while it ends at once, because its services may be away. With a
   * failpoint it may die at any time, so it is started once.
   */
  start(env?: Readonly<Record<string, string>>): Promise<void>;
  /** Sends a signal, if it is up. */
  signal(signal: NodeJS.Signals): void;
  /** Resolves with how the last started process ended, at once if it has ended. */
  ended(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** The log of all its processes. */
  readonly logFile: string;
}

const RESTART_PAUSE_MS = 250;

export function createGatewayProcess(params: {
  readonly index: number;
  readonly processes: Processes;
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /** Called with the port on which it serves, and with null when it ends. */
  readonly onPort: (port: number | null) => void;
  /** Called when it ends without a signal. */
  readonly onUnasked: (what: string) => void;
}): GatewayProcess {
  const { index, processes, onPort, onUnasked } = params;
  const log = processes.openFile(`gateway-${index}.log`);
  closeSync(log.fd);
  let child: ChildProcess | null = null;
  let gatewayId: string | null = null;
  let end: Promise<{ code: number | null; signal: NodeJS.Signals | null }> = Promise.resolve({
    code: 0,
    signal: null,
  });
  let isAsked = false;

  async function startOnce(env: Readonly<Record<string, string>>): Promise<boolean> {
    const { fd } = processes.openFile(`gateway-${index}.log`);
    const started = processes.start(params.program, {
      env: { ...programEnv(), ...params.env, ...env },
      stdio: ["ignore", "pipe", fd],
    });
    closeSync(fd);
    child = started;
    isAsked = false;
    let serves = false;
    end = once(started, "exit").then((ended) => {
      const [code, signal] = ended as [number | null, NodeJS.Signals | null];
      if (child === started) {
        child = null;
        gatewayId = null;
        onPort(null);
      }
      if (serves && !isAsked && env["HSAFA_FAILPOINT"] === undefined)
        onUnasked(`gateway ${index} ended by itself (${code ?? signal}): ${tailOf(log.path)}`);
      return { code, signal };
    });
    let printed = "";
    const port = await new Promise<number | null>((resolve) => {
      started.stdout?.on("data", (chunk: Buffer) => {
        printed += chunk.toString();
        const match = /listening on http:\/\/\S+:(\d+)\n/.exec(printed);
        if (match !== null) resolve(Number(match[1]));
      });
      started.once("exit", () => resolve(null));
    });
    if (port === null) return false;
    serves = true;
    gatewayId = idIn(readFileSync(log.path, "utf8"));
    onPort(port);
    return true;
  }

  return {
    index,
    logFile: log.path,
    get gatewayId() {
      return gatewayId;
    },
    get pid() {
      return child?.pid ?? null;
    },
    async start(env = {}) {
      while (!(await startOnce(env))) {
        if (isAsked || env["HSAFA_FAILPOINT"] !== undefined) return;
        await sleep(RESTART_PAUSE_MS);
      }
    },
    signal(signal) {
      if (signal !== "SIGSTOP" && signal !== "SIGCONT") isAsked = true;
      child?.kill(signal);
    },
    ended: () => end,
  };
}

/** Returns the gateway id of the last start in this log. */
function idIn(log: string): string {
  const line = log.split("\n").findLast((text) => text.includes("the gateway serves"));
  if (line === undefined) throw new Error("a gateway serves and its log does not say so");
  return (JSON.parse(line) as { gatewayId: string }).gatewayId;
}

const TAIL_CHARACTERS = 2000;

/** What its processes said last. */
export function tailOf(path: string): string {
  return readFileSync(path, "utf8").slice(-TAIL_CHARACTERS);
}

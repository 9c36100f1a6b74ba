import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Command, type CommandParams, startCommand } from "./hsafa-command.ts";

/** How a command of a test runs. */
export interface WorldParams extends Partial<CommandParams> {
  /** What `HSAFA_URL` says; empty: nothing. */
  readonly gatewayUrl?: string;
}

/** A folder with a gateway of `hsafa dev`, and commands that run in it. */
export interface CliWorld {
  readonly folder: string;
  readonly url: string;
  /** Starts a command. It ends with the world at the latest. */
  hsafa(args: readonly string[], params?: WorldParams): Command;
  /** Runs a command to its end. */
  done(args: readonly string[], params?: WorldParams): Promise<{ exit: number | null; out: string; notes: string }>;
  close(): Promise<void>;
}

/** Makes one. The folder is empty, but for what the gateway keeps there. */
export async function startCliWorld(): Promise<CliWorld> {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-commands-"));
  const started: Command[] = [];
  const start = (args: readonly string[], params: Partial<CommandParams> = {}): Command => {
    const command = startCommand(args, { folder, ...params });
    started.push(command);
    return command;
  };
  const gateway = start(["dev", "--port", "0", "watched"]);
  const [, url = ""] = await gateway.says(/listening on (\S+)/);
  const hsafa: CliWorld["hsafa"] = (args, { gatewayUrl = url, env = {}, ...params } = {}) =>
    start(args, { env: gatewayUrl === "" ? env : { HSAFA_URL: gatewayUrl, ...env }, ...params });
  return {
    folder,
    url,
    hsafa,
    async done(args, params) {
      const command = hsafa(args, params);
      const exit = await command.exit;
      return { exit, ...command.printed };
    },
    async close() {
      for (const { child } of started.toReversed()) child.kill("SIGTERM");
      await Promise.all(started.map(({ exit }) => exit));
      rmSync(folder, { recursive: true });
    },
  };
}

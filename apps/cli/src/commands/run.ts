import { text } from "node:stream/consumers";
import { Command } from "commander";
import { connect } from "../connect.ts";
import { CliError } from "../cli-error.ts";
import { followRun } from "../follow-run.ts";
import { note, paintNote } from "../terminal.ts";

interface Options {
  readonly thread?: string;
  readonly deviceKey?: string;
  readonly detach?: true;
  readonly json?: true;
}

export const run = new Command("run")
  .description("start a run of an agent and follow it")
  .argument("<agent>", "its name or id")
  .argument("[input...]", "what to say to it; read from standard input when left out")
  .option("--thread <thread>", "the conversation it belongs to: its id, or your own key for it")
  .option("--device-key <key>", "the device that 'select: origin' means")
  .option("--detach", "print the run's id and do not follow it")
  .option("--json", "print the events, one a line")
  .action(async (agent: string, words: string[], options: Options) => {
    const client = connect();
    const input = words.length > 0 ? words.join(" ") : await readInput();
    const { runId } = await client.runs.start({ agent, input, threadId: options.thread, deviceKey: options.deviceKey });
    if (options.detach === true) {
      console.log(runId);
      return;
    }
    note(paintNote("dim", `run ${runId}`));
    process.exitCode = await followRun(client, { runId, json: options.json === true });
  });

async function readInput(): Promise<string> {
  if (process.stdin.isTTY) throw new CliError("Say something to the agent: npx hsafa run <agent> <input>");
  return text(process.stdin);
}

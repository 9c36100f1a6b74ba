import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { followRun } from "../follow-run.ts";
import { readInput } from "../read-input.ts";
import { own, styled } from "../shown.ts";
import { note, report } from "../terminal.ts";

interface Options {
  readonly thread?: string;
  readonly deviceKey?: string;
  readonly detach?: true;
  readonly json?: true;
}

export const run = new CliCommand("run")
  .argument("<agent>", "its name or id")
  .argument("[input...]", "what to say to it; read from standard input when left out")
  .option("--thread <thread>", "the conversation it belongs to: its id, or your own key for it")
  .option("--device-key <key>", "the device that 'select: origin' means")
  .option("--detach", "print the run's id and do not follow it")
  .printsJson("events, as the stream of a run has them (with --detach: runId and status)")
  .example(`run assistant "What time is it?"`, "streams the answer; Ctrl-C leaves the run going")
  .example("run assistant --thread kitchen < question.txt", "asks in a conversation, with a file's text")
  .action(async (agent: string, words: string[], options: Options) => {
    const client = connect();
    const input = await readInput(words);
    const started = await client.runs.start({
      agent,
      input,
      threadId: options.thread,
      deviceKey: options.deviceKey,
    });
    const { runId } = started;
    if (options.detach === true) {
      report(options.json, started, own`${runId}`);
      return;
    }
    note(styled("dim", own`run ${runId}`));
    process.exitCode = await followRun(client, { runId, json: options.json === true });
  });

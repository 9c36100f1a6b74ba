import type { FilePart, StartPolicy, UserMessage } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { readCliSettings } from "../config.ts";
import { connect, connectFiles } from "../connect.ts";
import { consoleLink } from "../console-link.ts";
import { followRun } from "../follow-run.ts";
import { type LimitOptions, limitOptions, limitsOf } from "../limit-options.ts";
import { readInput } from "../read-input.ts";
import { readNames } from "../read-names.ts";
import { readRepeated } from "../read-repeated.ts";
import { POLICY_OPTION, readPolicy } from "../read-policy.ts";
import { own, styled } from "../shown.ts";
import { readSchema } from "../read-schema.ts";
import { note, report } from "../terminal.ts";
import { uploadPath } from "../upload-path.ts";

interface Options extends LimitOptions {
  readonly file?: string[];
  readonly thread?: string;
  readonly policy?: StartPolicy;
  readonly deviceKey?: string;
  readonly instructions?: string;
  readonly tools?: string[];
  readonly schema?: string;
  readonly detach?: true;
  readonly json?: true;
}

export const run = limitOptions(new CliCommand("run"))
  .argument("<agent>", "its name or id")
  .argument("[input...]", "what to say to it; read from standard input when left out")
  .option(
    "--file <path>",
    "a file of this machine that goes with it, 32 MiB at most; may be given several times",
    readRepeated,
  )
  .option("--thread <thread>", "the conversation it belongs to: its id, or your own key for it")
  .option("--policy <policy>", POLICY_OPTION, readPolicy)
  .option("--device-key <key>", "the device that 'select: origin' means")
  .option("--instructions <text>", "what the model is told after the agent's own words, for this run")
  .option("--tools <names>", "the agent's tools that it has, separated by commas; all if left out", readNames)
  .option("--schema <file>", "a file with the JSON Schema of the object that it ends with; the object is the result")
  .option("--detach", "print the run's id and do not follow it")
  .printsJson("events, as the stream of a run has them (with --detach: runId and status)")
  .example(`run assistant "What time is it?"`, "streams the answer; Ctrl-C leaves the run going")
  .example(`run assistant "What is this?" --file photo.jpg`, "uploads the photo, and asks about it")
  .example("run assistant --limit-tokens 5000 --limit-wall-time-ms 60000 hi", "ends it when one of these is used up")
  .example("run assistant --thread kitchen < question.txt", "asks in a conversation, with a file's text")
  .example("run assistant --schema city.json hi | jq .name", "prints the object with which the run ends")
  .action(async (agent: string, words: string[], options: Options) => {
    const client = connect();
    const outputSchema = options.schema === undefined ? undefined : readSchema(options.schema);
    const text = await readInput(words);
    const input = options.file === undefined ? text : await withFiles(text, options.file);
    const started = await client.runs.start({
      agent,
      input,
      threadId: options.thread,
      policy: options.policy,
      instructions: options.instructions,
      tools: options.tools,
      outputSchema,
      deviceKey: options.deviceKey,
      ...limitsOf(options),
    });
    const { runId } = started;
    if (options.detach === true) {
      report(options.json, started, own`${runId}`);
      return;
    }
    note(styled("dim", own`run ${runId}\n    ${consoleLink(readCliSettings().url, runId)}`));
    process.exitCode = await followRun(client, { runId, json: options.json === true });
  });

/** A message of this text, with files that are uploaded first. */
async function withFiles(text: string, paths: readonly string[]): Promise<UserMessage[]> {
  const files = connectFiles();
  const parts: FilePart[] = [];
  for (const path of paths) parts.push({ type: "file", fileId: (await uploadPath(files, path)).id });
  return [{ role: "user", content: [{ type: "text", text }, ...parts] }];
}

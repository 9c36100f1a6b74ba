import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { findVersion } from "../find-version.ts";
import { followRun } from "../follow-run.ts";
import { type LimitOptions, limitOptions, limitsOf } from "../limit-options.ts";
import { readNames } from "../read-names.ts";
import { own, styled } from "../shown.ts";
import { note, report } from "../terminal.ts";

interface Options extends LimitOptions {
  readonly agent?: string;
  readonly agentVersion?: string;
  readonly rerun?: string[];
  readonly detach?: true;
  readonly json?: true;
}

export const fork = limitOptions(new CliCommand("fork"))
  .argument("<runId>", "the run that stays as it is")
  .argument("<position>", "its last fact that counts, such as 7-0; 'hsafa events' lists them")
  .argument("[input...]", "what to say in place of the message there, or next; left out: what was said")
  .option("--agent <agent>", "another agent, by its name or id")
  .option("--agent-version <version>", "another version: its label, its id, or the beginning of its hash")
  .option(
    "--rerun <callIds>",
    "calls of the last step to execute again, separated by commas; no others are repeated",
    readNames,
  )
  .option("--detach", "print the new run's id and do not follow it")
  .printsJson("events, as the stream of a run has them (with --detach: runId and status)")
  .example("fork 01980000-0000-7000-8000-000000000000 7-0", "asks the model again from there, with the same results")
  .example("fork 01980000-0000-7000-8000-000000000000 2-0 'Only the newest ones'", "says something else instead")
  .example("fork 01980000-0000-7000-8000-000000000000 7-0 --max-steps 4", "lets the new run take four steps at most")
  .action(async (runId: string, position: string, words: string[], options: Options) => {
    const client = connect();
    const { agent, agentVersion, rerun } = options;
    const owner = agentVersion === undefined ? undefined : (agent ?? (await client.runs.get(runId)).agentId);
    const version = owner === undefined ? undefined : await findVersion(client, owner, agentVersion ?? "");
    const forked = await client.runs.fork(runId, {
      position,
      input: words.length === 0 ? undefined : words.join(" "),
      agent,
      versionId: version?.id,
      rerun,
      ...limitsOf(options),
    });
    if (options.detach === true) {
      report(options.json, forked, own`${forked.runId}`);
      return;
    }
    note(styled("dim", own`run ${forked.runId}, forked from ${runId} at ${position}`));
    process.exitCode = await followRun(client, { runId: forked.runId, json: options.json === true });
  });

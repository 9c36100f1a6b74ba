import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { followRun } from "../follow-run.ts";

export const watch = new CliCommand("watch")
  .argument("<runId>")
  .option("--after <position>", "begin with the event after this one, as in '7-2'")
  .printsJson("events, as the stream of a run has them,")
  .example("watch 01980000-0000-7000-8000-000000000000 --after 7-2", "goes on where it was left")
  .action(async (runId: string, options: { after?: string; json?: true }) => {
    const client = connect();
    // This request fails at once if the gateway is away. A stream would wait, and the person would not know why.
    await client.runs.get(runId);
    process.exitCode = await followRun(client, { runId, after: options.after, json: options.json === true });
  });

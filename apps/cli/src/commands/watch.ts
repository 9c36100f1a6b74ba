import { Command } from "commander";
import { connect } from "../connect.ts";
import { followRun } from "../follow-run.ts";

export const watch = new Command("watch")
  .description("follow a run from its beginning, or from a position, to its end")
  .argument("<runId>")
  .option("--after <position>", "begin with the event after this one, as in '7-2'")
  .option("--json", "print the events, one a line")
  .action(async (runId: string, options: { after?: string; json?: true }) => {
    const client = connect();
    // This request fails at once if the gateway is away. A stream would wait, and the person would not know why.
    await client.runs.get(runId);
    process.exitCode = await followRun(client, { runId, after: options.after, json: options.json === true });
  });

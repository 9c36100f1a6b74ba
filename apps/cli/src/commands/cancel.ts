import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { own } from "../shown.ts";
import { report } from "../terminal.ts";

export const cancel = new CliCommand("cancel")
  .argument("<runId>")
  .option("--reason <reason>", "told to the watchers of the run")
  .printsJson("runId and status")
  .example("cancel 01980000-0000-7000-8000-000000000000 --reason 'not needed'", "cancels this run")
  .action(async (runId: string, { reason, json }: { reason?: string; json?: true }) => {
    const accepted = await connect().runs.cancel(runId, { reason });
    report(json, accepted, own`asked to cancel ${runId}`);
  });

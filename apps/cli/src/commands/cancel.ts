import { Command } from "commander";
import { connect } from "../connect.ts";

export const cancel = new Command("cancel")
  .description("cancel a run")
  .argument("<runId>")
  .option("--reason <reason>", "told to whoever watches")
  .action(async (runId: string, options: { reason?: string }) => {
    await connect().runs.cancel(runId, { reason: options.reason });
    console.log(`asked to cancel ${runId}`);
  });

import { Command } from "commander";
import { connect } from "../connect.ts";

export const approve = new Command("approve")
  .description("decide a tool call that awaits approval")
  .argument("<runId>")
  .argument("<callId>")
  .option("--deny", "refuse it")
  .option("--reason <reason>", "told to the model")
  .action(async (runId: string, callId: string, options: { deny?: true; reason?: string }) => {
    const approved = options.deny !== true;
    await connect().runs.approve(runId, { callId, approved, reason: options.reason });
    console.log(`${approved ? "approved" : "denied"} ${callId}`);
  });

import { CliCommand } from "../cli-command.ts";
import { type CallDecision, decideCall } from "../decide-call.ts";

interface Options extends Omit<CallDecision, "approved"> {
  readonly deny?: true;
}

export const approve = new CliCommand("approve")
  .argument("<runId>")
  .argument("<callId>")
  .option("--deny", "refuse it")
  .option("--yes", "approve it without being asked")
  .option("--full", "show its arguments to the end, however long they are")
  .option("--reason <reason>", "told to the model")
  .printsJson("runId, callId and approved")
  .example("approve 01980000-0000-7000-8000-000000000000 call_1", "shows the call, asks, and approves it")
  .action((runId: string, callId: string, options: Options) =>
    decideCall(runId, callId, { ...options, approved: options.deny !== true }),
  );

import { CliCommand } from "../cli-command.ts";
import { type CallDecision, decideCall } from "../decide-call.ts";

export const deny = new CliCommand("deny")
  .argument("<runId>")
  .argument("<callId>")
  .option("--reason <reason>", "told to the model")
  .printsJson("runId, callId and approved")
  .example("deny 01980000-0000-7000-8000-000000000000 call_1 --reason 'too expensive'", "refuses the call")
  .action((runId: string, callId: string, options: Pick<CallDecision, "reason" | "json">) =>
    decideCall(runId, callId, { ...options, approved: false }),
  );

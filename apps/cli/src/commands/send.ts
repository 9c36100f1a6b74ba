import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { readInput } from "../read-input.ts";
import { own } from "../shown.ts";
import { report } from "../terminal.ts";

export const send = new CliCommand("send")
  .argument("<runId>")
  .argument("[message...]", "what to say; read from standard input when left out")
  .printsJson("runId and status")
  .example("send 01980000-0000-7000-8000-000000000000 'Only the newest ones'", "the run reads it before its next step")
  .action(async (runId: string, words: string[], { json }: { json?: true }) => {
    const accepted = await connect().runs.send(runId, await readInput(words));
    report(json, accepted, own`sent to ${runId}, which is ${accepted.status}`);
  });

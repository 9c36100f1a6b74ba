import type { StartPolicy } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { readInput } from "../read-input.ts";
import { POLICY_OPTION, readPolicy } from "../read-policy.ts";
import { own } from "../shown.ts";
import { report } from "../terminal.ts";

interface Options {
  readonly agent?: string;
  readonly policy?: StartPolicy;
  readonly json?: true;
}

export const send = new CliCommand("send")
  .argument("<to>", "the run that is in progress; with --agent, a conversation: its id or your key for it")
  .argument("[message...]", "what to say; read from standard input when left out")
  .option("--agent <agent>", "the agent that is to answer in the conversation: its name or id")
  .option("--policy <policy>", POLICY_OPTION, readPolicy)
  .printsJson("runId and status")
  .example("send 01980000-0000-7000-8000-000000000000 'Only the newest ones'", "the run reads it before its next step")
  .example("send kitchen --agent assistant --policy steer 'And milk'", "it enters the run that is in progress there")
  .action(async (to: string, words: string[], { agent, policy, json }: Options) => {
    if (agent === undefined) {
      if (policy !== undefined)
        send.error("error: --policy is about a conversation; name its agent with --agent", { exitCode: 2 });
      const accepted = await connect().runs.send(to, await readInput(words));
      report(json, accepted, own`sent to ${to}, which is ${accepted.status}`);
      return;
    }
    const { runId, status } = await connect().runs.start({
      agent,
      policy,
      threadId: to,
      input: await readInput(words),
    });
    report(json, { runId, status }, own`${runId}`);
  });

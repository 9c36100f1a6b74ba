import { Command, Option } from "commander";
import { isWholeAnswer, type RunStatus } from "@hsafa/protocol";
import { connect } from "../connect.ts";

const STATUSES = ["queued", "running", "waiting_tool", "completed", "failed", "canceled"] satisfies RunStatus[];

export const runs = new Command("runs")
  .description("list the newest runs")
  .option("--agent <agent>", "of this agent only: its name or id")
  .addOption(new Option("--status <status>", "in this state only").choices(STATUSES))
  .option("--limit <count>", "how many, 1 to 200", Number, 20)
  .action(async (options: { agent?: string; status?: RunStatus; limit: number }) => {
    const { data } = await connect().runs.list(options);
    for (const run of data) {
      const { finishReason } = run;
      const ending = finishReason === null || isWholeAnswer(finishReason) ? "" : `  (${finishReason})`;
      console.log(`${run.id}  ${run.status.padEnd(12)}  ${run.createdAt}  ${run.agentName}${ending}`);
    }
  });

import { Option } from "commander";
import { isWholeAnswer, type PageQuery, RUN_STATUSES, type Run, type RunStatus } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { own, type Shown } from "../shown.ts";

interface Options {
  readonly agent?: string;
  readonly status?: RunStatus;
  readonly subject?: string;
  readonly thread?: string;
  readonly limit: number;
  readonly json?: true;
}

export const runs = new CliCommand("runs")
  .option("--agent <agent>", "of this agent only: its name or id")
  .addOption(new Option("--status <status>", "in this state only").choices(RUN_STATUSES))
  .option("--subject <subject>", "of this user of the tenant only")
  .option("--thread <thread>", "of this conversation only: its id or key")
  .option("--limit <count>", "how many, 1 or more", readCount, 20)
  .printsJson("runs, as GET /api/runs has them,")
  .example("runs --status waiting_tool", "lists the runs that wait for a tool or an approval")
  .action(async ({ limit, json, thread, ...filters }: Options) => {
    const client = connect();
    const query = { ...filters, threadId: thread };
    const read = (page: PageQuery) => client.runs.list({ ...query, ...page });
    await reportList({ read, limit, asJson: json, shownOf: lineOf });
  });

function lineOf({ id, status, createdAt, agentName, finishReason, error, usage }: Run): Shown {
  const ending = finishReason === null || isWholeAnswer(finishReason) ? own`` : own`  (${finishReason})`;
  const why = error === null ? own`` : own`  [${error.code}]`;
  const cost = usage.costUsd === undefined ? own`` : own`  $${usage.costUsd}`;
  return own`${id}  ${status.padEnd(12)}  ${createdAt}  ${agentName}${ending}${why}${cost}`;
}

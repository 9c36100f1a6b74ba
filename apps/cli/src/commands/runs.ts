import { Option } from "commander";
import { isWholeAnswer, type PageQuery, RUN_STATUSES, type Run, type RunStatus } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { readCliSettings } from "../config.ts";
import { connect } from "../connect.ts";
import { consoleLink } from "../console-link.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { own, type Shown, styled } from "../shown.ts";

interface Options {
  readonly agent?: string;
  readonly status?: RunStatus;
  readonly subject?: string;
  readonly thread?: string;
  readonly versionId?: string;
  readonly device?: string;
  readonly since?: string;
  readonly until?: string;
  readonly metadata?: string;
  readonly parent?: string;
  readonly forkedFrom?: string;
  readonly limit: number;
  readonly json?: true;
}

export const runs = new CliCommand("runs")
  .option("--agent <agent>", "of this agent only: its name or id")
  .addOption(new Option("--status <status>", "in this state only").choices(RUN_STATUSES))
  .option("--subject <subject>", "of this user of the tenant only")
  .option("--thread <thread>", "of this conversation only: its id or key")
  .option("--version-id <versionId>", "of this version of an agent only")
  .option("--device <device>", "with a call of this device only: its id or key")
  .option("--since <time>", "of this time and later, such as 2026-11-29T12:00:00Z")
  .option("--until <time>", "before this time only")
  .option("--metadata <text>", "with this text in their metadata only")
  .option("--parent <runId>", "the children of this run only")
  .option("--forked-from <runId>", "forks of this run only")
  .option("--limit <count>", "how many, 1 or more", readCount, 20)
  .printsJson("runs, as GET /api/runs has them,")
  .example("runs --status waiting_tool", "lists the runs that wait for a tool or an approval")
  .action(async ({ limit, json, thread, ...filters }: Options) => {
    const client = connect();
    const query = { ...filters, threadId: thread };
    const read = (page: PageQuery) => client.runs.list({ ...query, ...page });
    const { url } = readCliSettings();
    await reportList({ read, limit, asJson: json, shownOf: (run) => lineOf(run, url) });
  });

function lineOf(run: Run, url: string): Shown {
  const { id, status, createdAt, agentName, parentRunId, finishReason, error, usage, forkedFrom } = run;
  const ending = finishReason === null || isWholeAnswer(finishReason) ? own`` : own`  (${finishReason})`;
  const why = error === null ? own`` : own`  [${error.code}]`;
  const cost = usage.costUsd === undefined ? own`` : own`  $${usage.costUsd}`;
  const parent = parentRunId === null ? own`` : own`  (child of ${parentRunId})`;
  const fork = forkedFrom === null ? own`` : own`  (fork of ${forkedFrom.runId} at ${forkedFrom.position})`;
  const link = styled("dim", own`${consoleLink(url, id)}`);
  return own`${id}  ${status.padEnd(12)}  ${createdAt}  ${agentName}${ending}${why}${cost}${parent}${fork}  ${link}`;
}

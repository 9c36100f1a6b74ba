import type { ListEventsQuery, PageQuery, RunEvent } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { brief, own, type Shown } from "../shown.ts";

interface Options {
  readonly after?: string;
  readonly before?: string;
  readonly newestFirst?: true;
  readonly facts?: true;
  readonly limit: number;
  readonly json?: true;
}

export const events = new CliCommand("events")
  .argument("<runId>")
  .option("--after <position>", "begin with the event after this one, as in '7-2'")
  .option("--newest-first", "list them from the newest event back")
  .option("--before <position>", "begin with the event before this one, newest first")
  .option("--facts", "leave the deltas out")
  .option("--limit <count>", "how many, 1 or more", readCount, 1000)
  .printsJson("events, as the stream of a run has them,")
  .example("events 01980000-0000-7000-8000-000000000000 --facts", "lists what was decided in this run")
  .example("events 01980000-0000-7000-8000-000000000000 --newest-first --limit 20", "lists what happened last in it")
  .action(async (runId: string, { after, before, newestFirst, facts, limit, json }: Options) => {
    const client = connect();
    const filters: ListEventsQuery = {
      ...(newestFirst === true || before !== undefined ? { order: "desc" } : {}),
      ...(after === undefined ? {} : { after }),
      ...(before === undefined ? {} : { before }),
      ...(facts === true ? { facts } : {}),
    };
    const read = (query: PageQuery) => client.runs.events(runId, { ...filters, ...query });
    await reportList({ read, limit, asJson: json, shownOf: lineOf });
  });

function lineOf({ id, ts, type, data }: RunEvent): Shown {
  return own`${id.padEnd(8)} ${ts}  ${type.padEnd(20)} ${brief(JSON.stringify(data))}`;
}

import type { RunEvent } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { eachItem } from "../each-item.ts";
import { readCount } from "../read-count.ts";
import { brief, own, type Shown } from "../shown.ts";
import { report } from "../terminal.ts";

interface Options {
  readonly after?: string;
  readonly facts?: true;
  readonly limit: number;
  readonly json?: true;
}

export const events = new CliCommand("events")
  .argument("<runId>")
  .option("--after <position>", "begin with the event after this one, as in '7-2'")
  .option("--facts", "leave the deltas out")
  .option("--limit <count>", "how many, 1 or more", readCount, 1000)
  .printsJson("events, as the stream of a run has them,")
  .example("events 01980000-0000-7000-8000-000000000000 --facts", "lists what was decided in this run")
  .action(async (runId: string, { after, facts, limit, json }: Options) => {
    const client = connect();
    const filters = { ...(after === undefined ? {} : { after }), ...(facts === true ? { facts } : {}) };
    for await (const event of eachItem((query) => client.runs.events(runId, { ...filters, ...query }), limit)) {
      report(json, event, lineOf(event));
    }
  });

function lineOf({ id, ts, type, data }: RunEvent): Shown {
  return own`${id.padEnd(8)} ${ts}  ${type.padEnd(20)} ${brief(JSON.stringify(data))}`;
}

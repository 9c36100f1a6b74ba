import type { Agent } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { own, type Shown } from "../shown.ts";

export const agents = new CliCommand("agents")
  .option("--limit <count>", "how many, 1 or more", readCount, 50)
  .printsJson("agents, as GET /api/agents has them,")
  .example("agents", "lists name, version and hash of each agent")
  .action(async ({ limit, json }: { limit: number; json?: true }) => {
    const client = connect();
    await reportList({ read: (query) => client.agents.list(query), limit, asJson: json, shownOf: lineOf });
  });

function lineOf({ name, currentVersion, updatedAt }: Agent): Shown {
  if (currentVersion === null) return own`${name}  no version was promoted yet`;
  return own`${name}  version ${currentVersion.version}  config ${currentVersion.configHash.slice(0, 12)}  ${updatedAt}`;
}

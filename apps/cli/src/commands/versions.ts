import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { own } from "../shown.ts";

export const versions = new CliCommand("versions")
  .argument("<agent>", "its name or id")
  .option("--limit <count>", "how many, 1 or more", readCount, 50)
  .printsJson("versions, as GET /api/agents/:idOrName/versions has them,")
  .example("versions support", "lists label, id, hash and time; * marks the one that new runs take")
  .action(async (agent: string, { limit, json }: { limit: number; json?: true }) => {
    const client = connect();
    const { currentVersion } = await client.agents.get(agent);
    await reportList({
      read: (query) => client.agents.versions(agent, query),
      limit,
      asJson: json,
      shownOf({ id, version, configHash, createdAt }) {
        const mark = id === currentVersion?.id ? own`*` : own` `;
        return own`${mark} ${version}  ${id}  config ${configHash.slice(0, 12)}  ${createdAt}`;
      },
    });
  });

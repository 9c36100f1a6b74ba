import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { eachItem } from "../each-item.ts";
import { readCount } from "../read-count.ts";
import { own } from "../shown.ts";
import { report } from "../terminal.ts";

export const versions = new CliCommand("versions")
  .argument("<agent>", "its name or id")
  .option("--limit <count>", "how many, 1 or more", readCount, 50)
  .printsJson("versions, as GET /api/agents/:idOrName/versions has them,")
  .example("versions support", "lists label, id, hash and time; * marks the one that new runs take")
  .action(async (agent: string, { limit, json }: { limit: number; json?: true }) => {
    const client = connect();
    const { currentVersion } = await client.agents.get(agent);
    for await (const version of eachItem((query) => client.agents.versions(agent, query), limit)) {
      const mark = version.id === currentVersion?.id ? own`*` : own` `;
      const { id, configHash, createdAt } = version;
      report(json, version, own`${mark} ${version.version}  ${id}  config ${configHash.slice(0, 12)}  ${createdAt}`);
    }
  });

import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { findVersion } from "../find-version.ts";
import { own } from "../shown.ts";
import { report } from "../terminal.ts";

export const promote = new CliCommand("promote")
  .argument("<agent>", "its name or id")
  .argument("<version>", "its label, its id, or the beginning of its hash")
  .printsJson("the agent, as GET /api/agents/:idOrName has it,")
  .example("promote support 3", "new runs of support take version 3")
  .action(async (agent: string, named: string, { json }: { json?: true }) => {
    const client = connect();
    const version = await findVersion(client, agent, named);
    const promoted = await client.agents.promote(agent, version.id);
    report(json, promoted, own`promoted: ${promoted.name}, version ${version.version} (${version.id})`);
  });

import { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import { configDiff } from "../config-diff.ts";
import { connect } from "../connect.ts";
import { describeChange } from "../describe-change.ts";
import { findVersion } from "../find-version.ts";
import { own } from "../shown.ts";
import { note, report } from "../terminal.ts";

export const diff = new CliCommand("diff")
  .argument("<agent>", "its name or id")
  .argument("<from>", "a version: its label, its id, or the beginning of its hash")
  .argument("<to>", "another version")
  .printsJson("path, before and after")
  .example("diff support 1 2", "shows what version 2 says otherwise than version 1")
  .action(async (agent: string, from: string, to: string, { json }: { json?: true }) => {
    const client = connect();
    const [before, after] = [await findVersion(client, agent, from), await findVersion(client, agent, to)];
    if (before.config === undefined || after.config === undefined) {
      throw new CliError(own`This key may not read configs; the scope agents:write lets it.`);
    }
    const changes = configDiff(before.config, after.config);
    if (changes.length === 0) note(own`They say the same.`);
    for (const change of changes) report(json, change, describeChange(change));
  });

import { Command } from "commander";
import { readAgentFile } from "../agent-file.ts";
import { connect } from "../connect.ts";

export const push = new Command("push")
  .description("make a version of an agent from its file")
  .argument("<file>", "the agent's config: JSON, or a JavaScript or TypeScript module that exports it by default")
  .option("--no-promote", "new runs keep to the version they take now")
  .option("--label <version>", "a name of your own for this version")
  .action(async (file: string, options: { promote: boolean; label?: string }) => {
    const { name, config } = await readAgentFile(file);
    const pushed = await connect().agents.push({ name, config, promote: options.promote, version: options.label });
    const what = pushed.created ? "created" : "unchanged";
    console.log(`${what}: ${name}, version ${pushed.version} (${pushed.versionId}), config ${pushed.configHash}`);
  });

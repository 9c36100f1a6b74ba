import { existsSync } from "node:fs";
import type { Client } from "@hsafa/client";
import { type AgentFile, readAgentFile } from "../agent-file.ts";
import { agentFiles } from "../agent-files.ts";
import { childrenFirst } from "../children-first.ts";
import { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import { loadEnvFile } from "../config.ts";
import { connect } from "../connect.ts";
import { describeChange } from "../describe-change.ts";
import { AGENTS_FOLDER, readProjectConfig } from "../project-config.ts";
import { withProgress } from "../progress.ts";
import { type PushPlan, planPush, pushAgent } from "../push-agent.ts";
import { lines, own, type Shown, styled } from "../shown.ts";
import { note, report } from "../terminal.ts";

interface Options {
  readonly promote: boolean;
  readonly label?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

export const push = new CliCommand("push")
  .argument("[paths...]", "files and folders of agents: JSON, JavaScript or TypeScript; the project's if left out")
  .option("--dry-run", "show what would change, and change nothing")
  .option("--no-promote", "new runs keep to the version they take now")
  .option("--label <version>", "a name of your own for this version; for one file")
  .printsJson("name, versionId, version, configHash and created (with --dry-run: name, configHash, effect and changes)")
  .example("push", "pushes every agent of the project")
  .example("push agents/support.ts --dry-run", "shows the diff and the hash of one agent")
  .action(async (paths: string[], options: Options) => {
    loadEnvFile();
    const files = agentFiles(paths.length > 0 ? paths : await projectPaths());
    if (files.length === 0) throw new CliError(own`${paths.join(", ")} holds no file of an agent.`);
    if (options.label !== undefined && files.length > 1) {
      throw new CliError(own`A label names one version; push one file with it, not ${files.length}.`);
    }
    const client = connect();
    await withProgress(options.json, async (progress) => {
      const agents: { readonly file: string; readonly agent: AgentFile }[] = [];
      for (const file of files) agents.push({ file, agent: await readAgentFile(file) });
      for (const [index, { file, agent }] of childrenFirst(agents).entries()) {
        progress.tell(
          own`${options.dryRun === true ? "comparing" : "pushing"} ${index + 1} of ${files.length}: ${file}`,
        );
        await pushFile(client, agent, options);
      }
    });
  });

async function projectPaths(): Promise<readonly string[]> {
  const { agents } = await readProjectConfig();
  if (agents !== undefined) return agents;
  if (existsSync(AGENTS_FOLDER)) return [AGENTS_FOLDER];
  throw new CliError(own`There is no folder '${AGENTS_FOLDER}' here; name a file: npx hsafa push <file>.`);
}

async function pushFile(client: Client, agent: AgentFile, { promote, label, dryRun, json }: Options): Promise<void> {
  if (dryRun === true) {
    const plan = await planPush(client, agent);
    const { version, ...rest } = plan;
    report(json, { ...rest, version: version?.version ?? null }, describePlan(plan));
    return;
  }
  const pushed = await pushAgent(client, agent, { promote, label });
  const { name } = agent;
  const what = pushed.created ? own`created` : own`unchanged`;
  const { version, versionId, configHash, created } = pushed;
  const shown = own`${what}: ${name}, version ${version} (${versionId}), config ${configHash}`;
  report(json, { name, versionId, version, configHash, created, warnings: pushed.warnings ?? [] }, shown);
  for (const { path, message } of pushed.warnings ?? []) note(styled("yellow", own`warning: ${path} ${message}`));
}

function describePlan({ name, configHash, effect, version, changes }: PushPlan): Shown {
  const label = version?.version ?? "";
  const what = {
    create: own`would create: ${name}, config ${configHash}`,
    promote: own`would promote: ${name}, version ${label}, config ${configHash}`,
    none: own`unchanged: ${name}, version ${label}, config ${configHash}`,
  }[effect];
  return lines([what, ...changes.map(describeChange)]);
}

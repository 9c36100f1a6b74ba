import type { CliCommand } from "./cli-command.ts";

/** A command of the list: what it does, and where its code is. */
interface ListedCommand {
  readonly summary: string;
  readonly load: () => Promise<CliCommand>;
}

/** Every command by its name, in the order of the help. Its code is loaded when it is asked for. */
export const commandTable: Readonly<Record<string, ListedCommand>> = {
  dev: {
    summary: "run a gateway here that needs no other service, and push the project's agents on every save",
    load: async () => (await import("./commands/dev.ts")).dev,
  },
  start: {
    summary: "run a gateway for production, as the environment says, until SIGTERM",
    load: async () => (await import("./commands/start.ts")).start,
  },
  init: {
    summary: "make a project with an agent, a device and a page",
    load: async () => (await import("./commands/init.ts")).init,
  },
  push: {
    summary: "make versions of agents from their files",
    load: async () => (await import("./commands/push.ts")).push,
  },
  agents: {
    summary: "list the agents with the versions that new runs take",
    load: async () => (await import("./commands/agents.ts")).agents,
  },
  versions: {
    summary: "list the versions of an agent, newest first",
    load: async () => (await import("./commands/versions.ts")).versions,
  },
  diff: {
    summary: "show what differs between two versions of an agent",
    load: async () => (await import("./commands/diff.ts")).diff,
  },
  promote: {
    summary: "make a version the one that new runs take",
    load: async () => (await import("./commands/promote.ts")).promote,
  },
  run: {
    summary: "start a run of an agent and follow it",
    load: async () => (await import("./commands/run.ts")).run,
  },
  fork: {
    summary: "start a run that goes on from a fact of another one, with the same results or another message",
    load: async () => (await import("./commands/fork.ts")).fork,
  },
  watch: {
    summary: "follow a run from its beginning, or from a position, to its end",
    load: async () => (await import("./commands/watch.ts")).watch,
  },
  runs: { summary: "list the newest runs", load: async () => (await import("./commands/runs.ts")).runs },
  events: {
    summary: "list the events of a run as they are kept",
    load: async () => (await import("./commands/events.ts")).events,
  },
  send: {
    summary: "send a message to a run in progress, or to a conversation",
    load: async () => (await import("./commands/send.ts")).send,
  },
  cancel: { summary: "cancel a run", load: async () => (await import("./commands/cancel.ts")).cancel },
  threads: {
    summary: "list, show, rename, delete and branch conversations",
    load: async () => (await import("./commands/threads.ts")).threads,
  },
  files: {
    summary: "upload, list, save and delete files that messages name",
    load: async () => (await import("./commands/files.ts")).files,
  },
  device: {
    summary: "make this machine a device that agents can use tools of, until Ctrl-C",
    load: async () => (await import("./commands/device.ts")).device,
  },
  devices: {
    summary: "list, show, pair and delete devices",
    load: async () => (await import("./commands/devices.ts")).devices,
  },
  tools: {
    summary: "list the tools of connected devices, or those of an agent and who offers them",
    load: async () => (await import("./commands/tools.ts")).tools,
  },
  "tool-calls": {
    summary: "list tool calls, newest first",
    load: async () => (await import("./commands/tool-calls.ts")).toolCalls,
  },
  approvals: {
    summary: "list the tool calls that await approval",
    load: async () => (await import("./commands/approvals.ts")).approvals,
  },
  approve: {
    summary: "decide a tool call that awaits approval, after it was shown",
    load: async () => (await import("./commands/approve.ts")).approve,
  },
  deny: {
    summary: "refuse a tool call that awaits approval",
    load: async () => (await import("./commands/deny.ts")).deny,
  },
  answer: {
    summary: "answer a tool call yourself, as for target 'external'",
    load: async () => (await import("./commands/answer.ts")).answer,
  },
  secrets: {
    summary: "set, list and forget the values that agents' tools send and nobody reads",
    load: async () => (await import("./commands/secrets.ts")).secrets,
  },
  tokens: {
    summary: "make short-lived tokens for pages and devices, and end them",
    load: async () => (await import("./commands/tokens.ts")).tokens,
  },
  keys: {
    summary: "make, list, rotate and revoke API keys",
    load: async () => (await import("./commands/keys.ts")).keys,
  },
  tenants: {
    summary: "make, list, disable and enable tenants with the operator's key",
    load: async () => (await import("./commands/tenants.ts")).tenants,
  },
  audit: {
    summary: "list who did what to your tenant, newest first",
    load: async () => (await import("./commands/audit.ts")).audit,
  },
  quotas: {
    summary: "show what a tenant has and may have, or set it with the operator's key",
    load: async () => (await import("./commands/quotas.ts")).quotas,
  },
  doctor: {
    summary: "look for what keeps hsafa from working here, and say the cure",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  completion: {
    summary: "print a script that completes commands in your shell",
    load: async () => (await import("./commands/completion.ts")).completion(loadCommands),
  },
};

/** Loads a command of the table, with its summary. Throws for a name that the table does not have. */
export async function loadCommand(name: string): Promise<CliCommand> {
  const listed = commandTable[name];
  if (listed === undefined) throw new Error(`there is no command '${name}'`);
  const command = await listed.load();
  return command.description(listed.summary);
}

/** Loads all commands of the table. */
export function loadCommands(): Promise<CliCommand[]> {
  return Promise.all(Object.keys(commandTable).map(loadCommand));
}

import type { Client } from "@hsafa/client";
import type { Run } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { eachItem } from "../each-item.ts";
import { readCount } from "../read-count.ts";
import { brief, own } from "../shown.ts";
import { report } from "../terminal.ts";

interface Options {
  readonly limit: number;
  readonly json?: true;
}

export const threads = new CliCommand("threads")
  .argument("[thread]", "one conversation: its id or your key for it")
  .option("--limit <count>", "how many runs are looked at, or messages shown; 1 or more", readCount, 200)
  .printsJson("threadId, runId, status, agentName and createdAt of each one's newest run; with a thread: its messages")
  .example("threads", "lists the conversations of the newest runs")
  .example("threads kitchen", "shows the messages of this one")
  .action(async (thread: string | undefined, options: Options) => {
    const client = connect();
    if (thread === undefined) await listThreads(client, options);
    else await showMessages(client, thread, options);
  });

/** Each thread stands where its newest run does. */
async function listThreads(client: Client, { limit, json }: Options): Promise<void> {
  const seen = new Set<string>();
  for await (const run of eachItem((query) => client.runs.list(query), limit)) {
    const { threadId, id, status, agentName, createdAt }: Run = run;
    if (threadId === null || seen.has(threadId)) continue;
    seen.add(threadId);
    const newest = { threadId, runId: id, status, agentName, createdAt };
    report(json, newest, own`${threadId}  ${status.padEnd(12)}  ${createdAt}  ${agentName}`);
  }
}

async function showMessages(client: Client, thread: string, { limit, json }: Options): Promise<void> {
  for await (const item of eachItem((query) => client.threads.messages(thread, query), limit)) {
    const { content } = item.message;
    const role = typeof item.message.role === "string" ? item.message.role : "";
    const text = typeof content === "string" ? content : JSON.stringify(content);
    report(json, item, own`${role.padEnd(9)}  ${brief(text)}${item.partial ? own` (cut short)` : own``}`);
  }
}

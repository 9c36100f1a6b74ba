import type { PageQuery, Thread, ThreadMessage } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { brief, own, type Shown } from "../shown.ts";

interface Options {
  readonly subject?: string;
  readonly limit: number;
  readonly json?: true;
}

export const threads = new CliCommand("threads")
  .argument("[thread]", "one conversation: its id or your key for it")
  .option("--subject <subject>", "of this user of the tenant only")
  .option("--limit <count>", "how many conversations, or messages; 1 or more", readCount, 50)
  .printsJson("conversations, as GET /api/threads has them, (with a thread: its messages)")
  .example("threads", "lists the conversations, newest first")
  .example("threads kitchen", "shows the messages of this one")
  .action(async (thread: string | undefined, { subject, limit, json }: Options) => {
    const client = connect();
    if (thread === undefined) {
      const read = (query: PageQuery) => client.threads.list({ subject, ...query });
      await reportList({ read, limit, asJson: json, shownOf: threadLine });
      return;
    }
    const read = (query: PageQuery) => client.threads.messages(thread, { subject, ...query });
    await reportList({ read, limit, asJson: json, shownOf: messageLine });
  });

function threadLine({ id, key, subject, createdAt }: Thread): Shown {
  const named = key === null ? own`` : own`  ${key}`;
  return own`${id}  ${createdAt}${named}${subject === null ? own`` : own`  of ${subject}`}`;
}

function messageLine({ message: { role, content }, partial }: ThreadMessage): Shown {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  const who = typeof role === "string" ? role : "";
  return own`${who.padEnd(9)}  ${brief(text)}${partial ? own` (cut short)` : own``}`;
}

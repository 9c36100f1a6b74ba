import type { Message, PageQuery, Thread, ThreadMessage } from "@hsafa/protocol";
import { CliCommand } from "../cli-command.ts";
import { connect } from "../connect.ts";
import { messageWords } from "../message-words.ts";
import { readCount } from "../read-count.ts";
import { reportList } from "../report-list.ts";
import { brief, own, type Shown } from "../shown.ts";
import { report } from "../terminal.ts";

interface Options {
  readonly subject?: string;
  readonly limit: number;
  readonly json?: true;
}

export const threads = new CliCommand("threads").example(
  "threads kitchen",
  "shows the messages of this conversation, as 'threads show kitchen' does",
);

threads
  .command("show", { isDefault: true })
  .description("list the conversations, newest first, or the messages of one")
  .argument("[thread]", "one conversation: its id or your key for it")
  .option("--subject <subject>", "of this user of the tenant only")
  .option("--limit <count>", "how many conversations, or messages; 1 or more", readCount, 50)
  .printsJson("conversations, as GET /api/threads has them, (with a thread: its messages)")
  .example("threads show", "lists the conversations, newest first")
  .example("threads show kitchen", "shows the messages of this one")
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

function threadLine({ id, key, subject, title, createdAt }: Thread): Shown {
  const named = key === null ? own`` : own`  ${key}`;
  return own`${id}  ${createdAt}${named}${subject === null ? own`` : own`  of ${subject}`}${title === null ? own`` : own`  ${title}`}`;
}

function messageLine({ message, partial }: ThreadMessage): Shown {
  // The record of a thread holds messages of models alone.
  const said = message as unknown as Message;
  return own`${said.role.padEnd(9)}  ${brief(messageWords(said))}${partial ? own` (cut short)` : own``}`;
}

threads
  .command("rename")
  .description("give a conversation a title, or take it away")
  .argument("<thread>", "its id or your key for it")
  .argument("[title...]", "what people call it; left out: nothing")
  .printsJson("the thread, as GET /api/threads/:id has it,")
  .example("threads rename kitchen 'Shopping for Friday'", "shows this title in lists")
  .action(async (thread: string, words: string[], { json }: { json?: true }) => {
    const renamed = await connect().threads.rename(thread, words.length === 0 ? null : words.join(" "));
    report(json, renamed, own`${renamed.id}  ${renamed.title ?? "(no title)"}`);
  });

threads
  .command("delete")
  .description("delete a conversation with its runs; those that have not ended are canceled")
  .argument("<thread>", "its id or your key for it")
  .printsJson("threadId")
  .example("threads delete kitchen", "forgets what was said in it")
  .action(async (thread: string, { json }: { json?: true }) => {
    await connect().threads.delete(thread);
    report(json, { threadId: thread }, own`deleted: ${thread}`);
  });

threads
  .command("branch")
  .description("make a conversation that goes on from the end of a run of another one")
  .argument("<runId>", "a run that has ended")
  .option("--key <key>", "your own key for the new conversation")
  .option("--title <title>", "what people call it")
  .printsJson("the new thread, as GET /api/threads/:id has it,")
  .example("threads branch 01980000-0000-7000-8000-000000000000 --key other-way", "the first one stays as it is")
  .action(async (runId: string, { key, title, json }: { key?: string; title?: string; json?: true }) => {
    const made = await connect().threads.branch(runId, { key, title });
    report(json, made, own`${made.id}`);
  });
